"""The form in which statements are sent."""


def one_line(statement: str) -> str:
    """Without its indentation: psycopg takes a statement apart anew at every execution
    when it is longer than 4096 characters (MAX_CACHED_STATEMENT_LENGTH, 3.3).

    Not for a statement with a comment, or with spaces in a literal.
    """
    return " ".join(statement.split())
