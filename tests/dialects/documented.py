"""The curl lines of a page in docs/dialects, sent as curl would send them."""

import re
import shlex
from argparse import ArgumentParser
from pathlib import Path
from string import Template
from typing import Any

import requests
from django.conf import settings

from tests.waiting import PATIENCE

_curl = ArgumentParser()
_curl.add_argument("address", nargs="?")
_curl.add_argument("--url")
_curl.add_argument("-X", "--request", dest="method")
_curl.add_argument("-H", "--header", dest="headers", action="append", default=[])
_curl.add_argument("-d", "--data")


def _blocks(page: str, language: str) -> str:
    text = (Path(settings.BASE_DIR) / "docs" / "dialects" / page).read_text()
    return "".join(re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL))


def curl_lines(page: str) -> list[str]:
    """Every curl line in the page's shell blocks, in their order."""
    lines = _blocks(page, "sh").replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("curl ")]


def recipe(page: str) -> dict[str, Any]:
    """The names that the page's Python blocks define."""
    names: dict[str, Any] = {}
    exec(_blocks(page, "python"), names)
    return names


def send(line: str, **variables: str) -> requests.Response:
    """The answer to one of them, with its shell variables filled in."""
    words = shlex.split(Template(line).substitute(variables))
    asked = _curl.parse_args(words[1:])
    headers = dict(header.split(": ", 1) for header in asked.headers)
    data = asked.data and asked.data.encode()
    method = asked.method or ("GET" if data is None else "POST")
    return requests.request(
        method, asked.url or asked.address, headers=headers, data=data, timeout=PATIENCE
    )
