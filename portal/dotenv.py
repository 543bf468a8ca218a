"""The file `.env`: read strictly.

django-environ reads such files, too, and takes its time to complain: it skips a file that
it may not open, skips a line with spaces around the `=` or after a byte order mark, and
prints the lines that it skips, secrets included. So a line here is either understood or a
fault, with its number and its name and without its value. What is understood is written as
docker compose and shells read it: `NAME=value`, `export NAME=value`, quotes around the value.
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

ENV_FILE = "ENV_FILE"
"""The setting that names another file; empty, it names none."""

_LINE = re.compile(r"(?:export\s+)?(?P<name>[^\s=]*)\s*=\s*(?P<value>.*)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_QUOTED = re.compile(
    r"""'(?P<literal>[^']*)' | "(?P<escaped>(?:[^"\\]|\\.)*)" """, re.VERBOSE
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class Line:
    """One setting of the file; `place` says where it stands."""

    value: str
    place: str


@dataclass(frozen=True)
class Content:
    lines: Mapping[str, Line] = field(
        default_factory=dict
    )  # by the name of the setting
    faults: list[str] = field(default_factory=list)
    is_public: bool = False  # others than its owner and its group may read it


def path(folder: Path) -> Path | None:
    """The file of this process: `.env` in `folder`, unless ENV_FILE says otherwise."""
    named = os.environ.get(ENV_FILE, ".env").strip()
    return folder / named if named else None


def read(path: Path, *, is_required: bool) -> Content:
    """What stands in the file. A file that is absent is a fault only if it is required."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        return Content(faults=[_unreadable(path, error)] if is_required else [])
    except OSError as error:
        return Content(faults=[_unreadable(path, error)])
    except UnicodeDecodeError as error:
        number = error.object[: error.start].count(b"\n") + 1
        return Content(faults=[f"{path.name} line {number}: it is not UTF-8 text."])
    is_public = bool(path.stat().st_mode & stat.S_IROTH)
    return replace(parse(text, name=path.name), is_public=is_public)


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path} cannot be read: {error.strerror}."


def parse(text: str, *, name: str) -> Content:
    """What stands in `text`; `name` is the file's, for messages."""
    lines: dict[str, Line] = {}
    faults: list[str] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        place = f"{name} line {number}"
        stripped = raw.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None or not _NAME.fullmatch(match["name"]):
            # Not even its beginning: it may be the second line of a secret.
            faults.append(f"{place}: it must be NAME=value.")
            continue
        try:
            value = _value(match["value"])
        except ValueError as error:
            faults.append(f"{place}: {match['name']} is wrong: {error}.")
            continue
        if before := lines.get(match["name"]):
            faults.append(f"{place}: {match['name']} stands in {before.place}, too.")
            continue
        lines[match["name"]] = Line(value, place)
    return Content(lines, faults)


def _value(text: str) -> str:
    if not text.replace("\t", "").isprintable():
        raise ValueError("it must have no invisible characters")
    if text[:1] not in ("'", '"'):
        if re.search(r"\s#", text):
            raise ValueError("it must be in quotes if it has ' #' in it")
        return text
    match = _QUOTED.fullmatch(text)
    if match is None:
        raise ValueError("its quotes must end where the line ends")
    if match["literal"] is not None:
        return match["literal"]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), match["escaped"])
