"""Another partner's object is answered exactly as one that does not exist."""

from uuid import uuid4

import pytest
from django.apps import apps

from tests import factories
from tests.api.calls import call
from tests.operations.outcomes import ended, hook
from webhooks.api import urls
from webhooks.models import SigningSecret
from webhooks.operations import recoveries
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db


@pytest.fixture
def theirs():
    """One of each of a stranger's, by the name that the path has for it."""
    stranger = factories.partner()
    key, _ = factories.key(stranger)
    made = hook(stranger, secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    delivery = ended(stranger, "exhausted")
    recovery = recoveries.start(
        by=SYSTEM,
        partner=stranger,
        filter=recoveries.Filter(
            outcomes=[recoveries.Outcome.EXHAUSTED], since=delivery.created_at
        ),
    )
    return {
        "subscriptions": made.public_id,
        "deliveries": str(delivery.id),
        "recoveries": str(recovery.id),
        "keys": str(key.id),
        "secret": str(SigningSecret.objects.get().id),
    }


def operations():
    """Every path that names an object of a partner's, with its methods."""
    found = []
    for pattern in urls.documented:
        path = str(pattern.pattern).removeprefix(urls.PREFIX)
        if "<str:id>" in path and not path.startswith("/events"):
            found += [(m.upper(), path) for m in pattern.callback.actions]
    assert len(found) >= 13
    return found


def rows():
    """Everything that is stored, but for when a key was used."""
    return {
        model.__name__: [
            {k: v for k, v in row.items() if k != "last_used_at"}
            for row in model.objects.order_by("pk").values()
        ]
        for model in apps.get_app_config("webhooks").get_models()
    }


@pytest.mark.parametrize(("method", "path"), operations(), ids="{0}".format)
def test_what_is_anothers_is_not_there(client, key, partner, theirs, method, path):
    noun = path.split("/")[1]
    own = hook(partner, secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])

    def ask(id, secret):
        where = path.replace("<str:id>", id).replace("<str:secret_id>", secret)
        body = {"name": "x"} if method == "PATCH" else {}
        response = call(client, method, where, body, key=key)
        headers = dict(response.items())
        for differing in ("RateLimit", "X-Request-Id"):
            headers.pop(differing, None)
        return response.status_code, response.content, headers

    before = rows()
    nothing = ask(str(uuid4()), str(uuid4()))
    assert nothing[0] == 404
    assert ask(theirs[noun], theirs["secret"]) == nothing
    if "secret_id" in path:
        assert ask(own.public_id, theirs["secret"]) == nothing
    assert rows() == before


def test_lists_hold_nothing_of_another(client, key, theirs):
    for noun in ("subscriptions", "deliveries", "recoveries", "keys"):
        content = call(client, "GET", f"/{noun}", key=key).content.decode()
        assert theirs[noun] not in content
        query = f"/deliveries?subscription={theirs['subscriptions']}"
        assert call(client, "GET", query, key=key).json()["data"] == []
