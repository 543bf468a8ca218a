"""An id is read in one way wherever a caller writes one: in any case, in no other form."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from tests import factories
from tests.api.calls import body_of, call
from tests.operations.outcomes import ended, hook
from webhooks.api import urls
from webhooks.models import SigningSecret
from webhooks.operations import recoveries
from webhooks.operations.audit import SYSTEM
from webhooks.rest.fields import Strict

pytestmark = pytest.mark.django_db

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

OTHER_FORMS = [
    lambda id: id.replace("-", ""),
    lambda id: "{" + id + "}",
    lambda id: "urn:uuid:" + id,
    lambda id: id + " ",
    lambda id: id.replace("-", "", 1) + "-",
]


def operations():
    """Every operation with an id in its path."""
    found = [
        (verb.upper(), str(pattern.pattern).removeprefix(urls.PREFIX))
        for pattern in urls.documented
        if "<" in str(pattern.pattern)
        for verb in pattern.callback.actions
    ]
    assert len(found) >= 14
    return found


@pytest.fixture
def made():
    """Makes a partner with one of each thing: its key, and the ids by path."""

    def make():
        partner = factories.partner()
        row, text = factories.key(partner)
        subscription = hook(partner, secrets=[SECRET])
        delivery = ended(partner, "exhausted")
        recovery = recoveries.start(
            by=SYSTEM,
            partner=partner,
            filter=recoveries.Filter(
                outcomes=[recoveries.Outcome.EXHAUSTED],
                since=timezone.now() - timedelta(hours=1),
            ),
        )
        return text, {
            "subscriptions": subscription.public_id,
            "deliveries": str(delivery.id),
            "recoveries": str(recovery.id),
            "keys": str(row.id),
            "events": str(delivery.event_id),
            "secret_id": str(SigningSecret.objects.get(subscription=subscription).id),
        }

    return make


def ask(client, method, path, made, spelled):
    text, ids = made()
    if path.startswith("/events"):
        _, text = factories.key(None)

    def written(match):
        name = match[1] if match[1] in ids else path.split("/")[1]
        return spelled(ids[name])

    address = re.sub(r"<str:(\w+)>", written, path)
    body = {"name": "x"} if method == "PATCH" else {}
    return call(client, method, address, body, key=text)


@pytest.mark.parametrize(("method", "path"), operations())
def test_it_finds_by_an_id_in_any_case(client, made, method, path):
    lower = ask(client, method, path, made, str.lower)
    assert lower.status_code < 300, lower.content
    for spelled in (str.upper, str.title):
        assert ask(client, method, path, made, spelled).status_code == lower.status_code


@pytest.mark.parametrize(("method", "path"), operations())
def test_it_finds_nothing_by_another_form_of_an_id(client, made, method, path):
    for spelled in OTHER_FORMS:
        assert ask(client, method, path, made, spelled).status_code == 404


# --- In bodies and queries -------------------------------------------------------------


NAMES_OF_IDS = {"partner", "subscription", "event", "delivery", "recovery"}


def readers(of):
    return {of, *(inner for each in of.__subclasses__() for inner in readers(each))}


def test_every_field_that_holds_an_id_is_tested_below():
    found = {
        (each.__name__, name)
        for each in readers(Strict)
        for name in each().fields.keys() & NAMES_OF_IDS
    }
    assert found == {
        ("NewEvent", "partner"),
        ("RecoveryFilter", "subscription"),
        ("NewRecovery", "subscription"),
        ("DeliveryQuery", "subscription"),
    }


@pytest.mark.parametrize("spelled", [str.lower, str.upper])
def test_a_subscription_is_named_in_any_case(send, partner, spelled):
    made = hook(partner)
    delivery = ended(partner, "exhausted")
    query = f"/deliveries?subscription={spelled(made.public_id)}"
    assert [row["id"] for row in body_of(send("GET", query))["data"]] == [
        str(delivery.id)
    ]
    asked = {
        "outcomes": ["exhausted"],
        "since": "2020-01-01T00:00:00Z",
        "subscription": spelled(made.public_id),
    }
    assert body_of(send("POST", "/recoveries/preview", asked))["total"] == 1
    started = body_of(send("POST", "/recoveries", asked), 202)
    assert started["subscription"] == made.public_id


@pytest.mark.parametrize("spelled", [str.lower, str.upper])
def test_a_partner_is_named_in_any_case(client, partner, spelled):
    _, key = factories.key(None)
    event = {"partner": spelled(str(partner.id)), "type": "order.created", "data": {}}
    published = call(client, "POST", "/events", event, key=key)
    assert body_of(published, 202)["partner"] == str(partner.id)
    batch = call(client, "POST", "/events/batch", {"events": [event]}, key=key)
    assert body_of(batch, 202)["accepted"] == 1


def test_an_id_that_a_partnero_caller_chose_keeps_its_case(send, partner):
    chosen = "6F9619FF-8B86-4D01-B42D-00CF4FC964FF"
    for id, secret in ((chosen, "a" * 16), (chosen.lower(), "b" * 16)):
        factories.subscription(partner, "partnero", public_id=id, secrets=[secret])
    for id, ending in ((chosen, "aaaa"), (chosen.lower(), "bbbb")):
        listed = send("GET", f"/subscriptions/{id}/secrets?dialect=partnero")
        assert [row["ending"] for row in body_of(listed)["data"]] == [ending]
