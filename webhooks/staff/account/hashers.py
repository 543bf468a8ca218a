"""How passwords of staff are kept."""

from django.contrib.auth.hashers import Argon2PasswordHasher


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
