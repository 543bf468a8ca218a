"""The one place where settings are read from the environment: typed, once, at the start.

A setting is one line in settings.py, and a row in README's table:

    SESSION_COOKIE_AGE = env.int("SESSION_COOKIE_AGE", default=43200, at_least=1)

Spaces around a value, and around the entries of a list, are dropped. What is wrong is
collected, and `env.stop_if_wrong()`, at the end of settings.py, raises all of it at once:
one line for each setting, with its name and what it must be. A value is never quoted,
because it may be a secret. A form of value that is not here yet is a function in values.py
that raises ValueError("it must be …"), for `env.read`.
"""

import builtins
import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from django.core.exceptions import ImproperlyConfigured

from . import dotenv

T = TypeVar("T")

REQUIRED: Final[Any] = object()
"""As the default of a setting that must be set."""

_NEAR = 0.85  # how alike two names are, from 0 to 1, when one is taken for a slip of the other
TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


_WRONG = "The portal does not start, because its settings are wrong."
_PRODUCTION = (
    "Without DEBUG=true this is production, and docs/running.md lists what it needs. "
    "For development set DEBUG=true; `make run` writes a .env where there is none."
)


class Wrong(ImproperlyConfigured):
    """Settings that are wrong; the text has one line for each."""


class Environment:
    """Reads settings by name, from values that are all text.

    `faults` and `warnings` are lines that an operator reads, `names` the settings that were
    asked for.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._written: Mapping[str, dotenv.Line] = {}
        self._public: Sequence[str] = ()
        self.names: list[str] = []
        self.faults: list[str] = []

    @classmethod
    def of_process(cls, folder: Path) -> "Environment":
        """The process's own, and for what it lacks `.env` in `folder`.

        Another file is named by ENV_FILE; an empty ENV_FILE names none. The lines of the file
        become part of the process's environment, so that what it starts, and libpq, find them
        there.
        """
        env = cls(os.environ)
        is_named = bool(env.str(dotenv.ENV_FILE, default=""))
        if path := dotenv.path(folder):
            written = dotenv.read(path, is_required=is_named)
            env._written, env.faults = written.lines, written.faults
            if written.is_public:
                env._public = [f"{path}: everybody may read it, and it has secrets."]
            for name, line in written.lines.items():
                os.environ.setdefault(name, line.value)
        return env

    def read(
        self, name: str, parse: Callable[[str], T], *, default: T, instead: T
    ) -> T:
        """The value of a setting, parsed.

        `default` is the value of a setting that is not set, or REQUIRED. `parse` raises
        ValueError with a text that says what the value must be, without the value. Then
        settings.py goes on with `instead`, to find the other faults, too.
        """
        self.names.append(name)
        text = self._values.get(name)
        if text is None and default is not REQUIRED:
            return default
        stripped = (text or "").strip()
        try:
            return parse(stripped)
        except ValueError as error:
            how = (
                "is wrong" if stripped else "is not set" if text is None else "is empty"
            )
            self.faults.append(f"{name} {how}: {error}.")
            return instead

    def str(
        self,
        name: builtins.str,
        *,
        default: builtins.str,
        at_least: builtins.int = 0,
        may_be_empty: builtins.bool = False,
    ) -> builtins.str:
        """Text of `at_least` so many characters; with `may_be_empty` also of none."""

        def parse(text: builtins.str) -> builtins.str:
            if len(text) < at_least and (text or not may_be_empty):
                few = "a character" if at_least == 1 else f"{at_least} characters"
                raise ValueError(f"it must have {few} or more")
            return text

        return self.read(name, parse, default=default, instead="")

    def choice(
        self,
        name: builtins.str,
        among: Sequence[builtins.str],
        *,
        default: builtins.str,
    ) -> builtins.str:
        """One of some words, in any case."""

        def parse(text: builtins.str) -> builtins.str:
            for word in among:
                if word.lower() == text.lower():
                    return word
            raise ValueError(f"it must be one of {', '.join(among)}")

        return self.read(name, parse, default=default, instead=among[0])

    def bool(self, name: builtins.str, *, default: builtins.bool) -> builtins.bool:
        def parse(text: builtins.str) -> builtins.bool:
            if text.lower() in TRUE:
                return True
            if text.lower() in _FALSE:
                return False
            raise ValueError("it must be true or false")

        return self.read(name, parse, default=default, instead=False)

    def int(
        self,
        name: builtins.str,
        *,
        default: builtins.int,
        at_least: builtins.int = 0,
        at_most: builtins.int = 2**31 - 1,
    ) -> builtins.int:
        """A whole number between `at_least` and `at_most`, both included."""

        def parse(text: builtins.str) -> builtins.int:
            digits = text.removeprefix("-")
            if digits.isascii() and digits.isdecimal() and len(digits) < 20:
                number = builtins.int(text)
                if at_least <= number <= at_most:
                    return number
            upper = f" and {at_most} at most" if at_most < 2**31 - 1 else ""
            raise ValueError(f"it must be a whole number, {at_least} or more{upper}")

        return self.read(name, parse, default=default, instead=at_least)

    def days(self, name: builtins.str, default: builtins.int) -> builtins.int:
        """A number of days that a date can be moved by, up to a century."""
        return self.int(name, default=default, at_most=36500)

    def list(
        self,
        name: builtins.str,
        parse: Callable[[builtins.list[builtins.str]], Any] = lambda words: words,
        *,
        default: Any,
        instead: Any = (),
    ) -> Any:
        """Words between commas, as a list, or as what `parse` makes of the list."""
        return self.read(
            name,
            lambda text: parse(
                [w for w in map(builtins.str.strip, text.split(",")) if w]
            ),
            default=default,
            instead=instead,
        )

    def fault(self, name: builtins.str, what: builtins.str) -> None:
        """Note what is wrong with a setting beside others."""
        self.faults.append(f"{name} is wrong: {what}.")

    @property
    def warnings(self) -> builtins.list[builtins.str]:
        """Lines on a file that others may read, and on names in it that nobody reads, but that
        look like a setting's."""
        found = list(self._public)
        for name, line in self._written.items():
            near = difflib.get_close_matches(name.upper(), self.names, 1, _NEAR)
            if name not in self.names and near:
                found.append(f"{line.place}: {name} is no setting. Is it {near[0]}?")
        return found

    def stop_if_wrong(self, *, is_production: builtins.bool) -> None:
        """Raises Wrong with every fault, and with the warnings, which may be their reason."""
        if self.faults:
            lines = [f"  {line}" for line in (*self.faults, *self.warnings)]
            hint = [_PRODUCTION] if is_production else []
            raise Wrong("\n".join([_WRONG, *lines, *hint]))
