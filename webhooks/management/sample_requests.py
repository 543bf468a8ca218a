"""Requests to copy and paste: one of each dialect, with the sample's keys and ids."""

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .sample import EVENT_TYPE, PUBLISHER, Account


@dataclass(frozen=True)
class SampleRequest:
    """One request. `path` begins with a slash."""

    label: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    def curl(self, base: str) -> str:
        """The request as a line for the shell."""
        words = ["curl", "-sS", "-X", self.method, base + self.path]
        headers = {**self.headers, "Content-Type": "application/json"}
        for name, value in headers.items():
            words += ["-H", f"{name}: {value}"]
        return shlex.join([*words, "-d", json.dumps(self.body)])


def all_of(account: Account, *, receiver: str) -> list[SampleRequest]:
    """A change through each dialect's own API, then an event for all of them."""
    made = [_CHANGES[slug](account, receiver) for slug in account.subscriptions]
    return [*made, _publish(account)]


def _bearer(account: Account, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {account.keys[name]}"}


def _capa(account: Account, receiver: str) -> SampleRequest:
    return SampleRequest(
        label="Capa: set the partner's one URL",
        method="PUT",
        path="/api/partner/v1/webhook-settings",
        headers={"partner-api-key": account.keys["capa"]},
        body={"url": f"{receiver}/capa"},
    )


def _topiic(account: Account, receiver: str) -> SampleRequest:
    subscription = account.subscriptions["topiic"]
    key_id = str(subscription.api_key_id)
    return SampleRequest(
        label="Topiic: set the webhook of an API key",
        method="PUT",
        path=f"/api/ApiKeys/{key_id}/webhook",
        headers=_bearer(account, "topiic"),
        body={
            "id": key_id,
            "merchantId": str(account.partner.id),
            "webhookUrl": f"{receiver}/topiic",
            "webhookEvents": subscription.events,
            "webhookEnabled": True,
        },
    )


def _blaze(account: Account, receiver: str) -> SampleRequest:
    return SampleRequest(
        label="BLAZE: subscribe a webhook to sign-ups",
        method="PUT",
        path=f"/api/v1/partner/webHooks/{account.subscriptions['blaze'].public_id}",
        headers={"x-api-key": account.keys["blaze"]},
        body={
            "webHookType": "NEW_CONSUMER_SIGNUP",
            "webHookUrls": [f"{receiver}/blaze"],
        },
    )


def _partnero(account: Account, receiver: str) -> SampleRequest:
    return SampleRequest(
        label="Partnero: rename a webhook",
        method="PUT",
        path=f"/v1/webhooks/{account.subscriptions['partnero'].public_id}",
        headers=_bearer(account, "partnero"),
        body={"name": "Renamed with curl", "url": f"{receiver}/partnero"},
    )


def _nursa(account: Account, receiver: str) -> SampleRequest:
    return SampleRequest(
        # Not its URL: this vendor takes https only, which the receiver does not speak.
        label="Nursa: subscribe a webhook to all events",
        method="PATCH",
        path=f"/api/v2/public/webhooks/user/{account.subscriptions['nursa'].public_id}",
        headers=_bearer(account, "nursa"),
        body={"events": ["all"]},
    )


def _publish(account: Account) -> SampleRequest:
    return SampleRequest(
        label="Publish an event; it arrives at the sample receiver",
        method="POST",
        path="/api/portal/v1/events",
        headers=_bearer(account, PUBLISHER),
        body={
            "partner": str(account.partner.id),
            "type": EVENT_TYPE,
            "data": {"id": "cus_1", "email": "ada@example.com", "name": "Ada"},
        },
    )


_CHANGES: dict[str, Callable[[Account, str], SampleRequest]] = {
    "blaze": _blaze,
    "capa": _capa,
    "nursa": _nursa,
    "partnero": _partnero,
    "topiic": _topiic,
}
