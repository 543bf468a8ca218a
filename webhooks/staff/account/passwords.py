"""How passwords of staff are kept, and how long they may be."""

from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.exceptions import ValidationError

LONGEST = 4096
"""Characters of a password."""


class Argon2id(Argon2PasswordHasher):
    """Argon2id with the least that OWASP's Password Storage Cheat Sheet asks for.

    It takes a thief of the table as much memory for each guess as it takes us. Who guesses at the
    login makes the portal compute, so it costs 19 MiB and one thread for some 50 ms; Django's own
    choice takes 100 MiB and eight threads. A password that was hashed in another way is hashed
    anew at its next login.
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1


class NotTooLong:
    """A password that the login takes. Django's own validators know no upper end."""

    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > LONGEST:
            raise ValidationError(self.get_help_text(), code="password_too_long")

    def get_help_text(self) -> str:
        return f"Your password may contain at most {LONGEST} characters."
