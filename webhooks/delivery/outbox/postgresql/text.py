"""The form in which statements are sent."""

_LONGEST = 4096


def one_line(statement: str) -> str:
    """Without its indentation: psycopg takes a statement apart anew at every execution
    when it is longer than 4096 characters (MAX_CACHED_STATEMENT_LENGTH, 3.3), so ValueError
    is raised for one that still is.

    Not for a statement with a comment, or with spaces in a literal.
    """
    line = " ".join(statement.split())
    if len(line) > _LONGEST:
        raise ValueError(f"{len(line) - _LONGEST} characters too long: {line[:60]}")
    return line
