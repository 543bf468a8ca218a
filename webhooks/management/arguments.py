"""Types of command-line arguments that several commands read."""

from argparse import ArgumentTypeError


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("must be at least 1")
    return number
