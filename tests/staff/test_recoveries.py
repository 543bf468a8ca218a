"""Recoveries are asked for in steps, from where what is missing is seen."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tests import factories
from tests.delivery.workers import run_until
from tests.operations.outcomes import URL, ended, hook, publish, settle
from tests.receiver import Receiver
from webhooks.models import AuditEntry, Delivery, Endpoint, Partner, Recovery
from webhooks.operations import recovery_selection, subscriptions
from webhooks.operations.audit import SYSTEM

from .conftest import Login
from .recovery_pages import NEW, advance, asked, started, text

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">'


@pytest.fixture
def partner(db) -> Partner:
    return factories.partner(name="Acme")


def preview(console: Client, partner: Partner, **fields: Any) -> Any:
    return console.get(NEW, asked(partner, **fields))


def carried(response: Any) -> dict[str, Any]:
    """What the preview's own form sends."""
    sent: dict[str, Any] = {}
    for name, value in response.context["hidden_inputs"]:
        sent.setdefault(name, []).append(value)
    return sent


def begin(console: Client, partner: Partner, **fields: Any) -> Recovery:
    console.post(NEW, carried(preview(console, partner, **fields)))
    return Recovery.objects.latest("id")


class TestAsking:
    def test_it_asks_for_the_partner_first(self, console: Client, partner) -> None:
        page = text(console.get(NEW))
        assert 'name="partner"' in page
        assert 'name="outcomes"' not in page
        response = console.get(NEW, {"partner": "nobody"})
        assert response.status_code == 422
        assert "There is no such partner." in text(response)
        assert 'name="outcomes"' in text(console.get(NEW, {"partner": "acme"}))

    def test_an_address_fills_the_form_in(self, console: Client, partner) -> None:
        subscription, other = hook(partner), hook(factories.partner(name="Other"))
        response = console.get(
            NEW,
            {
                "partner": partner.id, "subscription": subscription.id, "outcomes": ["missed"],
                "types": ["order.created"], "since": "2026-11-01T10:20:30.987654+02:00",
            },
        )  # fmt: skip
        page = text(response)
        assert response.status_code == 200
        assert f'<option value="{subscription.id}" selected>' in page
        assert str(other.id) not in page
        assert 'value="missed" id="id_outcomes_4" checked' in page
        assert 'value="exhausted" id="id_outcomes_0">' in page
        assert 'value="own" id="id_period_4" required checked' in page
        assert 'value="2026-11-01T08:20:30"' in page  # in UTC
        assert '<details class="types" open>' in page

    def test_what_an_address_says_wrongly_is_left_out(
        self, console: Client, partner
    ) -> None:
        query = {
            "partner": partner.id,
            "since": "x",
            "period": "x",
            "subscription": "x",
        }
        page = text(console.get(NEW, query | {"types": "x", "outcomes": "x"}))
        assert 'name="since"' in page

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"outcomes": []}, "This field is required."),
            ({"outcomes": ["missed"]}, "Is needed to know what it missed."),
            ({"outcomes": ["pending"]}, "pending is not one of the available choices."),
            ({"period": "own"}, "Enter a time, or choose a period above."),
            ({"period": "own", "since": "later"}, "Enter a valid date/time."),
            ({"period": "own", "since": "2999-01-01T00:00"}, "Must be before"),
            ({"period": "failure"}, "failed without arriving since."),
            ({"period": "ever"}, "ever is not one of the available choices."),
            ({"subscription": "x"}, "is not a valid UUID"),
            ({"subscription": str(uuid4())}, "Select a valid choice."),
            ({"types": ["no.such"]}, "no.such is not one of the available choices."),
            ({"bytes": "other"}, "other is not one of the available choices."),
        ],
    )
    def test_what_is_wrong_stands_beside_its_field(
        self, console: Client, partner, fields, says
    ) -> None:
        hook(partner)
        for response in (
            preview(console, partner, **fields),
            console.post(NEW, asked(partner, **fields)),
        ):
            assert response.status_code == 422
            assert says in text(response)
        assert not Recovery.objects.exists()

    def test_another_partners_subscription_is_none(
        self, console: Client, partner
    ) -> None:
        theirs = hook(factories.partner())
        assert preview(console, partner, subscription=theirs.id).status_code == 422

    @pytest.mark.parametrize("period", ["24h", "failure"])
    def test_a_subscription_that_is_off_says_so(
        self, console: Client, partner, period
    ) -> None:
        off = hook(partner)
        subscriptions.update(by=SYSTEM, subscription=off, change={"is_active": False})
        for response in (
            preview(console, partner, subscription=off.id, period=period),
            console.post(NEW, asked(partner, subscription=off.id, period=period)),
        ):
            assert response.status_code == 422
            assert "Nothing can be sent now. The subscription is switched off." in text(
                response
            )
            assert f'href="/staff/subscriptions/{off.id}/"' in text(response)

    def test_an_inactive_partner_says_so(self, console: Client, partner) -> None:
        hook(partner)
        Partner.objects.update(is_active=False)
        assert "The partner is inactive." in text(preview(console, partner))

    def test_nobodys_words_are_markup(self, console: Client) -> None:
        partner = factories.partner(name=HOSTILE)
        hook(partner, name=HOSTILE)
        settle(publish(partner).deliveries.get(), "exhausted")
        recovery = started(partner)
        Recovery.objects.update(actor=HOSTILE)
        pages = (
            console.get(NEW, {"partner": str(partner.id), "since": HOSTILE}),
            preview(console, partner),
            preview(console, partner, types=[HOSTILE]),
            console.get("/staff/recoveries/"),
            console.get(f"/staff/recoveries/{recovery.id}/"),
            console.get(f"/staff/recoveries/{recovery.id}/cancel/"),
        )
        for page in pages:
            assert "<script>alert" not in text(page)
            assert "<img src=x" not in text(page)


class TestPreview:
    def test_it_says_what_would_happen_and_does_nothing(
        self, console: Client, partner
    ) -> None:
        subscription = hook(partner)
        ended(partner, "exhausted")
        for _ in range(2):
            ended(partner, "delivered")
        response = preview(
            console, partner, outcomes=["exhausted", "delivered", "not_sent"]
        )
        page = text(response)
        assert [(c.name, c.number) for c in response.context["preview"].counts] == [
            ("Failed permanently", 1), ("Not sent", 0), ("Delivered", 2),
        ]  # fmt: skip
        assert "<strong>3</strong> would be sent again." in page
        assert "Send 3 again" in page
        assert URL in page
        assert "2 have arrived before" in page
        assert "handles them twice" in page
        assert str(subscription) not in page  # all of the partner's
        assert not Recovery.objects.exists()
        assert Delivery.objects.count() == 3

    def test_it_says_where_it_counted_not_all(
        self, console: Client, partner, monkeypatch
    ) -> None:
        monkeypatch.setattr(recovery_selection, "MOST_COUNTED", 1)
        hook(partner)
        for _ in range(2):
            ended(partner, "exhausted")
        page = text(preview(console, partner))
        assert "<strong>1</strong> or more would be sent again." in page
        assert "Send all again" in page
        recovery = begin(console, partner)
        page = text(console.get(f"/staff/recoveries/{recovery.id}/"))
        assert "0 of 1 or more are queued again." in page
        advance()
        recovery.refresh_from_db()
        assert (recovery.state, recovery.done) == ("done", 2)
        assert "or more" not in text(console.get("/staff/recoveries/"))

    def test_missed_events_are_counted_for_one_subscription(
        self, console: Client, partner
    ) -> None:
        hook(partner)
        publish(partner)
        late = hook(partner, "https://late.example.com/hook")
        page = text(
            preview(console, partner, outcomes=["missed"], subscription=late.id)
        )
        assert "<strong>1</strong> would be sent again." in page
        assert "A missed event goes to each URL" in page
        assert URL not in page

    def test_what_is_left_out_is_named(self, console: Client, partner) -> None:
        hook(partner)
        ended(partner, "exhausted")
        off = hook(partner, "https://off.example.com/hook", name="Nightly")
        two = hook(partner, "https://one.example.com/", "https://two.example.com/")
        subscriptions.update(by=SYSTEM, subscription=off, change={"is_active": False})
        Endpoint.objects.filter(subscription=two, position=1).update(
            disabled_at=timezone.now(), disabled_reason="It said 410."
        )
        page = text(preview(console, partner))
        assert "Nightly</a> are left out. The subscription is switched off." in page
        assert (
            "two.example.com/</span> are left out: it was disabled. It said 410."
            in page
        )

    def test_one_that_is_empty_says_why(self, console: Client, partner) -> None:
        hook(partner)
        for _ in range(2):
            ended(partner, "cancelled")
        publish(partner)  # pending
        page = text(preview(console, partner))
        assert "Nothing matches" in page
        assert "2 of that time ended as <strong>cancelled</strong>" in page
        assert "They are sent by themselves." in page
        assert "again</button>" not in page
        alone = factories.partner()
        page = text(preview(console, alone))
        assert "There is no subscription that can be sent to." in page
        assert "They are sent by themselves." not in page

    def test_recoveries_that_run_are_named(self, console: Client, partner) -> None:
        hook(partner)
        ended(partner, "exhausted")
        running, over = started(partner), started(partner)
        Recovery.objects.filter(id=over.id).update(
            state="done", finished_at=timezone.now()
        )
        page = text(preview(console, partner))
        assert f'href="/staff/recoveries/{running.id}/"' in page
        assert f'href="/staff/recoveries/{over.id}/"' not in page

    def test_since_the_first_failure_is_since_what_has_not_arrived(
        self, console: Client, partner
    ) -> None:
        subscription = hook(partner)
        now = timezone.now()
        # The first of all by its id, too.
        old = publish(partner, now=now - timedelta(days=31)).deliveries.get()
        settle(old, "exhausted")
        ages = {"exhausted": 5, "cancelled": 3, "delivered": 9}
        for state, hours in ages.items():
            event = publish(partner, now=now - timedelta(hours=hours))
            settle(event.deliveries.get(), state)
        made_good = publish(partner, now=now - timedelta(days=2)).deliveries.get()
        settle(made_good, "exhausted")
        again = started(
            partner, since=now - timedelta(days=3), until=now - timedelta(days=1)
        )
        advance()
        Delivery.objects.filter(recovery=again).update(
            state="delivered", due_at=None, settled_at=now
        )
        response = preview(
            console, partner, period="failure", subscription=subscription.id
        )
        filter = response.context["preview"].filter
        assert filter.since == now - timedelta(hours=5)
        assert "<strong>1</strong> would be sent again." in text(response)

    def test_the_way_back_keeps_all_that_was_chosen(
        self, console: Client, partner
    ) -> None:
        hook(partner)
        ended(partner, "exhausted")
        response = preview(console, partner, outcomes=["exhausted", "cancelled"])
        address = response.context["change"]
        assert "preview" not in address
        assert "outcomes=exhausted&outcomes=cancelled" in address
        assert f'href="{address.replace("&", "&amp;")}"' in response.content.decode()


class TestStarting:
    def test_what_was_previewed_is_what_is_started(
        self, console: Client, partner
    ) -> None:
        subscription = hook(partner)
        ended(partner, "exhausted", type="order.created")
        ended(partner, "exhausted", type="order.updated")
        seen = preview(
            console, partner, subscription=subscription.id, bytes="anew",
            types=["order.created"],
        )  # fmt: skip
        ended(partner, "exhausted", type="order.created")  # published after the preview
        response = console.post(NEW, carried(seen), follow=True)
        recovery = Recovery.objects.get()
        assert response.redirect_chain == [(f"/staff/recoveries/{recovery.id}/", 302)]
        assert (recovery.total, recovery.is_rerendered) == (1, True)
        filter = seen.context["preview"].filter
        assert recovery.filter == {
            "outcomes": ["exhausted"],
            "since": filter.since.isoformat(),
            "until": filter.until.isoformat(),
            "subscription": str(subscription.id),
            "types": ["order.created"],
            "is_total_exact": True,
        }
        assert "Started: 1 to be sent again." in text(response)
        entry = AuditEntry.objects.get(action="recovery.started")
        assert (entry.actor_kind, entry.actor, entry.ip) == (
            "staff",
            "boss",
            "127.0.0.1",
        )

    def test_each_preview_is_a_form_of_its_own(self, console: Client, partner) -> None:
        hook(partner)
        ended(partner, "exhausted")
        assert begin(console, partner) != begin(console, partner)

    def test_it_takes_the_token_of_the_form(self, boss, console, partner) -> None:
        hook(partner)
        client = Client(enforce_csrf_checks=True)
        client.force_login(boss, "django.contrib.auth.backends.ModelBackend")
        sent = carried(preview(console, partner))
        assert client.post(NEW, sent).status_code == 403
        assert not Recovery.objects.exists()


class TestDoors:
    """Where a new recovery is a link away."""

    def test_from_a_list_of_what_a_partner_missed(
        self, console: Client, login: Login, partner
    ) -> None:
        subscription = hook(partner)
        ended(partner, "exhausted")
        query = f"partner=acme&subscription={subscription.id}&since=2026-11-01T00:00"
        for state in ("failed", "exhausted"):
            page = console.get(f"/staff/deliveries/?{query}&state={state}")
            address = f"{NEW}?{page.context['form'].recovery_query}"
            assert f'href="{address.replace("&", "&amp;")}"' in page.content.decode()
        form = console.get(address).context["form"]
        assert form.initial["subscription"] == str(subscription.id)
        assert form.initial["since"] == datetime(2026, 11, 1, tzinfo=UTC)
        for page in (
            console.get("/staff/deliveries/?state=failed"),
            console.get("/staff/deliveries/?partner=acme&state=delivered"),
            console.get("/staff/deliveries/?partner=nobody&state=failed"),
            login("view_delivery").get("/staff/deliveries/?partner=acme&state=failed"),
        ):
            assert NEW not in page.content.decode()

    def test_from_a_delivery_that_did_not_arrive(
        self, console: Client, partner
    ) -> None:
        subscription = hook(partner)
        failed = ended(partner, "exhausted")
        page = console.get(f"/staff/deliveries/{failed.id}/").content.decode()
        (address,) = [
            part.split('"')[0] for part in page.split('href="') if part.startswith(NEW)
        ]
        form = console.get(address.replace("&amp;", "&")).context["form"]
        assert form.initial["subscription"] == str(subscription.id)
        assert form.initial["since"] == failed.event.created_at
        arrived = ended(partner, "delivered")
        assert NEW not in text(console.get(f"/staff/deliveries/{arrived.id}/"))
        subscriptions.delete(by=SYSTEM, subscription=subscription)
        assert NEW not in text(console.get(f"/staff/deliveries/{failed.id}/"))


@pytest.mark.django_db(transaction=True)
def test_what_a_broken_receiver_missed_arrives_once_its_url_is_right(
    console: Client, receiver: Receiver
) -> None:
    receiver.answer("/wrong", status=410)
    partner = factories.partner(name="Acme")
    subscription = hook(
        partner,
        receiver.url("/wrong"),
        secrets=["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"],
    )
    events = [publish(partner) for _ in range(3)]
    run_until(lambda: Endpoint.objects.filter(disabled_at__isnull=False).exists())
    run_until(lambda: not Delivery.objects.pending().exists())
    events.append(publish(partner))  # while it is disabled

    subscriptions.update(by=SYSTEM, subscription=subscription, change={"is_active": True, "urls": [receiver.url("/right")]})  # fmt: skip
    fields = {
        "subscription": subscription.id, "period": "failure",
        "outcomes": ["exhausted", "cancelled", "missed"],
    }  # fmt: skip
    recovery = begin(console, partner, **fields)
    assert recovery.total == 4
    address = f"/staff/recoveries/{recovery.id}/"
    arrived = Delivery.objects.filter(recovery=recovery, state="delivered")
    run_until(lambda: arrived.count() == 4)

    page = text(console.get(address))
    assert "Every delivery of it has ended." in page
    assert "<strong>4</strong> delivered" in page
    assert "data-live" not in page
    got = [str(r.header("webhook-id")) for r in receiver.requests if r.path == "/right"]
    assert sorted(got) == sorted(str(event.id) for event in events)
