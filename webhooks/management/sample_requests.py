"""Requests to copy and paste: one of each dialect, with the sample's keys and ids."""

import json
import shlex
from dataclasses import dataclass
from typing import Any

from webhooks import dialects
from webhooks.rest.interfaces import Interface

from .sample import EVENT_TYPE, PUBLISHER, Account


@dataclass(frozen=True)
class SampleRequest:
    """One request. `path` begins with a slash."""

    label: str
    method: str
    path: str
    headers: dict[str, str]
    body: str

    def curl(self, base: str) -> str:
        """The request as a line for the shell."""
        words = ["curl", "-sS", "-X", self.method, base + self.path]
        for name, value in self.headers.items():
            words += ["-H", f"{name}: {value}"]
        return shlex.join([*words, "-d", self.body])


def all_of(account: Account, *, receiver: str) -> list[SampleRequest]:
    """A change through each dialect's own API, then an event for all of them."""
    made = [_change(each, account, receiver) for each in dialects.DIALECTS]
    return [*made, _publish(account)]


def _change(dialect: Interface, account: Account, receiver: str) -> SampleRequest:
    form, slug = dialect.form, dialect.slug
    row = account.subscriptions[slug]
    request, body = form.sample_change(row, f"{receiver}/{slug}")
    method, path = request.split(" ")
    authentication: Any = form.view.authentication_classes[0]
    name, value = authentication.header(account.keys[slug])
    parser: Any = form.view.parser_classes[0]
    return SampleRequest(
        label=f"{dialect.title}: change the sample's subscription",
        method=method,
        path=path,
        headers={name: value, "Content-Type": parser.media_type},
        body=parser.written(body),
    )


def _publish(account: Account) -> SampleRequest:
    event = {
        "partner": str(account.partner.id),
        "type": EVENT_TYPE,
        "data": {"id": "cus_1", "email": "ada@example.com", "name": "Ada"},
    }
    return SampleRequest(
        label="Publish an event; it arrives at the sample receiver",
        method="POST",
        path="/api/portal/v1/events",
        headers={
            "Authorization": f"Bearer {account.keys[PUBLISHER]}",
            "Content-Type": "application/json",
        },
        body=json.dumps(event),
    )
