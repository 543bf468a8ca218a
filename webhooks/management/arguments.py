"""Types of command-line arguments that several commands read."""

from argparse import ArgumentTypeError

AUTO = "auto"


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("must be at least 1")
    return number


def positive_or_auto(text: str) -> int | str:
    return AUTO if text == AUTO else positive(text)
