"""How each interface's form is filled in, and what its API says of the same values.

A module for each registered interface, with a `Case`. The tests that hold every form
against its API read the registry, so that an interface without one fails them.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from django.http import QueryDict
from django.test import Client
from django.urls import resolve

from tests import bodies, factories
from webhooks.models import ApiKey, Partner, Subscription
from webhooks.operations.audit import Actor
from webhooks.rest import form_fields, interfaces
from webhooks.rest import preview as rest_preview
from webhooks.rest.forms import SubscriptionForm

URL = "https://receiver.example.com/hook"
OTHER = "https://other.example.com/hook"
LONG = "https://receiver.example.com/" + "x" * 2048
BY = Actor.of_staff(user_id=1, username="boss")
SLUGS = [interface.slug for interface in interfaces.all()]


class Caller:
    """A partner with one key, who calls the interfaces over HTTP as curl does."""

    def __init__(
        self,
        partner: Partner | None = None,
        key: ApiKey | None = None,
        text: str = "",
    ) -> None:
        self.partner: Partner = partner or factories.partner()
        self.key, self.text = (key, text) if key else factories.key(self.partner)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        text, media_type = bodies.written(path, body)
        view: Any = resolve(path).func
        headers = dict([view.cls.authentication_classes[0].header(self.text)])
        return Client().generic(
            method, path, text, content_type=media_type, headers=headers
        )


class Case:
    """What an interface's form is tested with; values are by the names of its fields."""

    slug: str
    # A form that is filled in, and the field of it that holds its URLs.
    filled: Mapping[str, Any]
    url = "url"
    # Field and value that form and API refuse alike.
    faults: Sequence[tuple[str, Any]]
    # Where a new one is asked for, and how one is changed.
    create: tuple[str, str]
    change = "PUT"
    # Whether the API answers secrets in plain.
    shows_secrets = False

    def fill(self, caller: Caller, **values: Any) -> dict[str, Any]:
        return {**self.filled, **values}

    @property
    def edited(self) -> dict[str, Any]:
        return {self.url: OTHER}

    @property
    def forbidden_url(self) -> Any:
        return "https://10.0.0.1/<script>"

    def body(self, caller: Caller, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values as the body of a request."""
        return dict(values)

    def create_path(self, caller: Caller) -> str:
        return self.create[1]

    def path(self, row: Subscription) -> str:
        return self.form.request.format(row=row).split(" ")[1]

    def ask(self, caller: Caller, row: Subscription) -> Any:
        """The API's own answer about it, to a request that changes nothing."""
        return caller.send("GET", self.path(row))

    def errors(self, answer: Any) -> list[str]:
        """What the API says is wrong, one sentence after the other."""
        return [text for texts in answer["errors"].values() for text in texts]

    @property
    def form(self) -> type[SubscriptionForm]:
        found = interfaces.get(self.slug)
        assert found is not None
        return found.form


def case(slug: str) -> Case:
    found: Case = import_module(f"{__name__}.{slug}").CASE
    return found


def typed(form: SubscriptionForm, values: Mapping[str, Any]) -> QueryDict:
    """What a browser sends of a form whose fields hold these values."""
    sent = QueryDict(mutable=True)
    for name, field in form.fields.items():
        value = values.get(name, field.initial)
        match field:
            case form_fields.Events():
                chosen = field.prepare_value(value)
                sent.setlist(name, list(chosen.names))
                sent[f"{name}-others"] = chosen.others.replace("\n", "\r\n")
                sent[f"{name}-scope"] = chosen.scope
                if not field.is_open and isinstance(value, list):
                    # A name that the page does not offer, sent all the same.
                    sent.setlist(name, value if chosen.scope != "every" else [])
            case form_fields.Lines():
                sent[name] = "\r\n".join(value)
            case form_fields.Line():
                sent[name] = "".join((value or "").splitlines())
            case _ if field.widget.input_type == "checkbox":
                if value:
                    sent[name] = "on"
            case _:
                sent[name] = "" if value is None else str(value)
    return sent


def filled_in(
    slug: str, caller: Caller | None, row: Subscription | None = None, **values: Any
) -> SubscriptionForm:
    """A form with these values: of one that is there, or of a caller's new one."""
    form = case(slug).form
    if row is not None:
        return form(row.partner, row, typed(form(row.partner, row), values))
    assert caller is not None
    values = case(slug).fill(caller, **values)
    return form(caller.partner, None, typed(form(caller.partner), values))


def create(slug: str, caller: Caller, **values: Any) -> Subscription:
    form = filled_in(slug, caller, **values)
    assert form.is_valid(), form.errors
    row = form.save(by=BY)
    assert row is not None, form.errors
    return row


def change(slug: str, row: Subscription, **values: Any) -> Any:
    """The changed row; None where nothing of the form differs."""
    stored = Subscription.objects.select_related("partner", "api_key").get(id=row.id)
    form = filled_in(slug, None, stored, **values)
    assert form.is_valid(), form.errors
    return form.save(by=BY) if form.has_changed() else None


def preview(slug: str, row: Subscription, **options: Any) -> bytes:
    row = Subscription.objects.select_related("partner", "api_key").get(id=row.id)
    return rest_preview.body(case(slug).form, row, **options)
