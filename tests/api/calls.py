"""Requests to the portal's own API, for its tests."""

import json
from typing import Any
from urllib.parse import urlsplit

PREFIX = "/api/portal/v1"
PROBLEM = "application/problem+json"


def call(
    client: Any,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str | None = None,
    content_type: str = "application/json",
    **headers: str,
) -> Any:
    """Send a body of bytes as it is, anything else as JSON. `path` is below the prefix;
    the names of headers have `_` for `-`."""
    if not isinstance(body, bytes):
        body = b"" if body is None else json.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if key is not None:
        sent["Authorization"] = f"Bearer {key}"
    return client.generic(
        method, PREFIX + path, body, content_type=content_type, headers=sent
    )


def assert_problem(response: Any, status: int, title: str, detail: str) -> None:
    """A whole problem without errors, its members in their order."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == PROBLEM
    body = json.loads(response.content)
    assert list(body) == ["type", "title", "status", "detail"]
    assert body == {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
    }


def errors_of(response: Any) -> list[dict[str, str]]:
    """The errors of a 422 for an invalid request."""
    assert response.status_code == 422, response.content
    assert response["Content-Type"] == PROBLEM
    body = json.loads(response.content)
    assert list(body) == ["type", "title", "status", "detail", "errors"]
    assert body["type"] == "urn:webhook-portal:problem:invalid-request"
    assert body["status"] == 422
    errors: list[dict[str, str]] = body["errors"]
    return errors


def body_of(response: Any, status: int = 200) -> Any:
    """The JSON of an answer that is no problem."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    return json.loads(response.content)


def conflict_of(response: Any) -> str:
    """The words of a 409."""
    assert response.status_code == 409, response.content
    assert response["Content-Type"] == PROBLEM
    body = json.loads(response.content)
    assert list(body) == ["type", "title", "status", "detail"]
    detail: str = body["detail"]
    return detail


def below(address: str) -> str:
    """The path below the prefix of an absolute address, with its query."""
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc) == ("http", "testserver")
    return f"{parts.path.removeprefix(PREFIX)}?{parts.query}"
