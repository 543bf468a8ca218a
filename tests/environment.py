"""What the tests, and the processes that they start, find in their environment.

A developer's own `.env` is not theirs.
"""

SETTINGS = {
    "DEBUG": "true",
    "ENV_FILE": "",
    "SECRET_KEY": "of-the-tests-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG",
    "ENCRYPTION_KEYS": "tests:a2V5LW9mLXRoZS10ZXN0cy0wMTIzNDU2Nzg5YWJjZGU=",
    "KEY_PEPPERS": "7:pepper-of-the-tests",
}
