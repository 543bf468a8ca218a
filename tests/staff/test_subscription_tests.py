"""Staff send a subscription a test, and watch what becomes of it."""

from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from tests.admin import traffic
from tests.operations.outcomes import URL, hook
from webhooks.models import AuditEntry, Delivery, Event
from webhooks.operations import testing
from webhooks.operations.audit import SYSTEM

from .conftest import Login
from .subscription_pages import HOSTILE, address, shown


def a_test(type: str) -> dict[str, str]:
    """The form of a test, as a browser sends it."""
    return {"type": type}


@pytest.fixture
def partner(db):
    return factories.partner(name="Acme")


class TestTesting:
    def test_it_offers_what_the_subscription_wants(
        self, console: Client, partner
    ) -> None:
        made = factories.subscription(partner, "partnero", events=["lead.submitted"])
        page = console.get(address(made, "test"))
        choices = page.context["form"].fields["type"].choices
        assert [type for type, _ in choices] == ["lead.submitted"]
        made = hook(partner, events=["order.created"])
        choices = (
            console.get(address(made, "test")).context["form"].fields["type"].choices
        )
        assert [type for type, _ in choices] == ["webhook.test", "order.created"]

    def test_it_is_sent_and_watched(self, console: Client, partner) -> None:
        made = hook(partner, URL + "/a", URL + "/b")
        response = console.post(address(made, "test"), a_test("webhook.test"))
        event = Event.objects.get()
        assert response["Location"] == f"{address(made)}?test={event.pk}#test"
        assert Delivery.objects.count() == 2
        entry = AuditEntry.objects.get(action="subscription.tested")
        assert (entry.actor_kind, entry.actor) == ("staff", "boss")
        page = shown(console, made, f"?test={event.pk}")
        live = f"{address(made, 'test', str(event.pk))}"
        assert f'data-live="{live}"' in page
        assert "It waits for a worker to send it." in page
        part = console.get(live).content.decode()
        assert "<html" not in part
        assert 'data-live-seconds="2"' in part

    def test_each_attempt_is_seen_and_what_came_back(
        self, console: Client, partner
    ) -> None:
        made = hook(partner)
        event = testing.send(by=SYSTEM, subscription=made)
        sent = event.deliveries.get()
        traffic.attempt(
            sent, outcome="tls", status=None, error="self-signed", response_body=b""
        )
        traffic.attempt(sent, outcome="ok", response_body=HOSTILE.encode() + b"x" * 999)
        Delivery.objects.filter(id=sent.id).update(
            state="delivered", due_at=None, settled_at=timezone.now()
        )
        page = shown(console, made, f"?test={event.pk}")
        assert "data-live=" not in page
        assert page.index("Accepted") < page.index("TLS failed")
        assert "self-signed" in page
        assert "It arrived." in page
        assert "<script>alert" not in page
        assert "xxx…" in page

    def test_nothing_else_is_shown_as_a_test(self, console: Client, partner) -> None:
        made, other = hook(partner), hook(partner)
        event = testing.send(by=SYSTEM, subscription=other)
        for query in (f"?test={event.pk}", f"?test={uuid4()}", "?test=x"):
            assert "The test event" not in shown(console, made, query)
        assert console.get(address(made, "test", str(event.pk))).status_code == 404

    def test_watching_takes_the_permission_to_see_deliveries(
        self, login: Login, partner
    ) -> None:
        made = hook(partner)
        event = testing.send(by=SYSTEM, subscription=made)
        page = address(made, "test", str(event.pk))
        assert login("view_subscription").get(page).status_code == 403
        assert login("view_delivery").get(page).status_code == 200
        bare = shown(login("view_subscription"), made, f"?test={event.pk}")
        assert "The test event" not in bare

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"is_active": False}, "The subscription is switched off."),
            ({"urls": []}, "The subscription has no URL that is called."),
            ({"dialect": "nursa", "profile": "nursa", "events": []}, "Give it events first."),
        ],
    )  # fmt: skip
    def test_it_says_why_nothing_can_be_sent(
        self, console: Client, partner, fields, says
    ) -> None:
        fields = {"dialect": "portal", "profile": "standard", **fields}
        made = factories.subscription(partner, fields.pop("dialect"), **fields)
        page = console.get(address(made, "test")).content.decode()
        assert says in page
        assert "Send it</button>" not in page
        response = console.post(address(made, "test"), a_test("webhook.test"))
        if response.status_code == 302:
            page = console.get(response["Location"]).content.decode()
            assert f"Nothing was sent. {says}" in page
        assert not Event.objects.exists()

    def test_only_what_is_offered_is_sent(self, console: Client, partner) -> None:
        made = hook(partner, events=[])
        response = console.post(address(made, "test"), a_test("order.created"))
        assert response.status_code == 422
        assert response.context["form"].errors["type"]
        assert not Event.objects.exists()
