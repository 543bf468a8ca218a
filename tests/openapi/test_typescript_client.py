"""TypeScript clients, of openapi-typescript and openapi-fetch, call every operation.

The compiler holds each call, and each answer that arrived, against the generated types.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.openapi import node
from tests.openapi.calls import COMBINED, FOLDER, SLUGS, Caller, Operation, operations

pytestmark = pytest.mark.once

DOCUMENTS = [*SLUGS, COMBINED]
TSC = ("--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck")


def test_they_call_every_operation(served, served_caller, tmp_path):
    node.install()
    generate_types(tmp_path)
    planned = [each for slug in DOCUMENTS for each in plan(slug, served_caller)]
    # What they end is named by other calls: a subscription's deliveries, a key's successors.
    planned.sort(
        key=lambda each: each[0].method == "delete" or "revoke" in each[0].path
    )
    program = "\n".join([*imports(served.url), *(code for _, code in planned)])
    (tmp_path / "calls.mts").write_text(program)
    node.run("tsc", *TSC, "calls.mts", folder=tmp_path)

    answers = node.run("node", "calls.mjs", folder=tmp_path).splitlines()

    met = [json.loads(line) for line in answers]
    assert len(met) == len(planned)
    typed = [
        answered(operation, answer)
        for (operation, _), answer in zip(planned, met, strict=True)
    ]
    (tmp_path / "answers.mts").write_text("\n".join([*imports(served.url), *typed]))
    node.run("tsc", *TSC, "--noEmit", "answers.mts", folder=tmp_path)


def generate_types(folder: Path) -> None:
    """A file of types for each document, made in one start of the generator."""
    (folder / "node_modules").symlink_to(node.MODULES)
    apis = {
        slug: {
            "root": str(FOLDER / f"{slug}.yaml"),
            "x-openapi-ts": {"output": f"./{slug}.d.mts"},
        }
        for slug in DOCUMENTS
    }
    (folder / "redocly.yaml").write_text(json.dumps({"apis": apis}))
    # A request may leave out what has a default, unless the generator is let to differ.
    node.run("openapi-typescript", "--default-non-nullable=false", folder=folder)


def imports(url: str) -> list[str]:
    return [
        'import createClient from "openapi-fetch";',
        *(f'import type {{ paths as {s} }} from "./{s}.d.mts";' for s in DOCUMENTS),
        f'const options = {{ baseUrl: "{url}" }};',
        "const print = (status: number, data: unknown) =>",
        "  console.log(JSON.stringify({ status, data }));",
    ]


def plan(slug: str, caller: Caller) -> list[tuple[Operation, str]]:
    """Each operation of a document with the code that calls it."""
    caller.furnish()
    return [(operation, code(operation, caller)) for operation in operations(slug)]


def code(operation: Operation, caller: Caller) -> str:
    call = caller.call_of(operation)
    given: dict[str, Any] = {"headers": caller.headers(operation)}
    if call.path_values:
        given["params"] = {"path": call.path_values}
    if call.body is not None:
        given["body"] = call.body
    options = json.dumps(given)
    if call.is_form:
        # openapi-fetch writes JSON unless it is told how.
        given["headers"]["Content-Type"] = operation.media_type
        written = json.dumps((call.sent or b"").decode())
        options = f"{{...{json.dumps(given)}, bodySerializer: () => {written}}}"
    return (
        f"{{\n  const client = createClient<{operation.slug}>(options);\n"
        f"  const {{ data, response }} = await client.{operation.method.upper()}"
        f'("{operation.path}", {options});\n'
        "  print(response.status, data);\n}"
    )


def answered(operation: Operation, answer: dict[str, Any]) -> str:
    """Code that compiles where the answer has its documented type."""
    assert answer["status"] < 300, (str(operation), answer)
    documented = operation.spec["responses"][str(answer["status"])]
    if "content" not in documented:
        return ""
    (media_type,) = documented["content"]
    type_ = (
        f'{operation.slug}["{operation.path}"]["{operation.method}"]["responses"]'
        f'[{answer["status"]}]["content"]["{media_type}"]'
    )
    return f"({json.dumps(answer['data'])}) satisfies {type_};"
