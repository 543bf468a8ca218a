"""Subscriptions: the list, one of them, and the acts that end or revive it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests import factories
from tests.admin import traffic
from tests.operations.outcomes import URL, hook
from webhooks.console import paging
from webhooks.models import AuditEntry, Delivery, Endpoint, Subscription
from webhooks.operations import subscriptions, testing
from webhooks.operations.audit import SYSTEM
from webhooks.staff.subscriptions import overview

from .conftest import Login
from .subscription_pages import HOSTILE, LIST, address, shown


def statements(client: Client, page: str) -> int:
    """How many a page takes, the session's own first ones left out."""
    client.get(page)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(page).status_code == 200
    return len(asked)


def give_up(subscription: Subscription, **fields: object) -> None:
    """As the portal does when every attempt has failed for days."""
    now = timezone.now()
    disabled = {"disabled_at": now, "disabled_reason": "Every attempt failed."}
    Endpoint.objects.filter(subscription=subscription).update(
        consecutive_failures=40, failing_since=now - timedelta(days=5), **disabled
    )
    Subscription.objects.filter(id=subscription.id).update(**disabled)


def failing(subscription: Subscription) -> None:
    Endpoint.objects.filter(subscription=subscription).update(
        consecutive_failures=3, failing_since=timezone.now()
    )


@pytest.fixture
def partner(db):
    return factories.partner(name="Acme")


@pytest.fixture
def one_of_each_state(partner) -> dict[str, Subscription]:
    made = {
        state: hook(partner, f"{URL}/{state}", is_active=state != "off")
        for state in ("on", "off", "failing", "disabled", "deleted")
    }
    failing(made["failing"])
    give_up(made["disabled"])
    subscriptions.delete(by=SYSTEM, subscription=made["deleted"])
    return made


class TestList:
    @pytest.mark.parametrize(
        ("query", "states"),
        [
            ("", {"on", "off", "failing", "disabled"}),
            *((f"?state={state}", {state}) for state in ("on", "off", "failing", "disabled", "deleted")),
            ("?url=HOOK/fail", {"failing"}),
            ("?dialect=portal", {"on", "off", "failing", "disabled"}),
            ("?dialect=blaze", set()),
            ("?partner=acme&state=off", {"off"}),
            ("?partner=other", set()),
            ("?within=1h", {"on", "off", "failing", "disabled"}),
            ("?until=2020-01-01T00:00:00", set()),
        ],
    )  # fmt: skip
    def test_it_is_filtered(
        self, console: Client, one_of_each_state, query, states
    ) -> None:
        factories.partner(name="Other")
        response = console.get(LIST + query)
        rows = response.context["listed"].rows
        assert set(rows) == {one_of_each_state[state] for state in states}
        if len(states) == 1:
            assert [row.state for row in rows] == list(states)

    def test_what_hangs_on_a_key_is_found_by_it(self, console: Client, partner) -> None:
        key, _ = factories.key(partner)
        mine = factories.subscription(partner, "topiic", api_key=key)
        hook(partner)
        rows = console.get(f"{LIST}?key={key.pk}").context["listed"].rows
        assert rows == [mine]
        assert console.get(f"{LIST}?key=abc").context["listed"].rows == ()

    def test_it_names_the_first_url_and_counts_the_others(
        self, console: Client, partner
    ) -> None:
        hook(partner, URL + "/a", URL + "/b", URL + "/c", name=HOSTILE)
        page = console.get(LIST).content.decode()
        assert f"{URL}/a" in page
        assert f"{URL}/b" not in page
        assert "and 2 more" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page

    def test_it_goes_on_by_key(self, console: Client, partner, monkeypatch) -> None:
        monkeypatch.setattr(paging, "SIZE", 2)
        made = [hook(partner) for _ in range(5)]
        seen: list[Subscription] = []
        query = LIST
        while query:
            listed = console.get(query).context["listed"]
            seen += listed.rows
            query = listed.older and LIST + listed.older
        assert seen == made[::-1]

    def test_it_says_how_to_begin(self, console: Client, login: Login) -> None:
        page = console.get(LIST).content.decode()
        assert "No partner has subscribed to anything yet" in page
        assert 'href="/staff/subscriptions/new/"' in page
        page = login("view_subscription").get(LIST).content.decode()
        assert 'href="/staff/subscriptions/new/"' not in page

    @pytest.mark.once
    @pytest.mark.parametrize("query", ["", "?state=failing&url=hook"])
    def test_its_statements_do_not_grow(self, console: Client, query) -> None:
        asked = []
        for number in (1, 9, 90):
            partner = factories.partner()
            for _ in range(number):
                failing(hook(partner, URL + "/a", URL + "/b"))
            asked.append(statements(console, LIST + query))
        assert len(set(asked)) == 1


class TestOne:
    @pytest.mark.parametrize(
        ("state", "says"),
        [
            ("on", "Every event that it is subscribed to is sent to it."),
            ("off", "Its owner or staff switched it off"),
            ("failing", "The last delivery to 1 of its URLs failed."),
            ("disabled", "Deliveries to this subscription are disabled."),
            ("deleted", "Its partner no longer finds it"),
        ],
    )
    def test_it_says_how_it_stands(
        self, console: Client, one_of_each_state, state, says
    ) -> None:
        page = shown(console, one_of_each_state[state])
        assert says in page
        assert ("Enable again" in page) == (state == "disabled")

    def test_it_says_why_it_was_disabled(
        self, console: Client, one_of_each_state
    ) -> None:
        page = shown(console, one_of_each_state["disabled"])
        assert "The portal disabled it at" in page
        assert "Every attempt failed." in page

    def test_an_inactive_partner_is_named_as_the_reason(self, console: Client) -> None:
        made = hook(factories.partner(is_active=False))
        assert "Its partner is inactive" in shown(console, made)

    def test_without_a_url_it_says_what_to_do(self, console: Client, partner) -> None:
        made = factories.subscription(partner, "partnero", urls=[])
        page = shown(console, made)
        assert "It has no URL: its events are stored, and sent nowhere." in page
        assert "give it one" in page

    def test_each_url_has_its_health_and_its_deliveries(
        self, console: Client, partner
    ) -> None:
        made = hook(partner, *(f"{URL}/{n}" for n in "abcd"))
        now = timezone.now()
        a, b, c, _ = made.endpoints.live()
        Endpoint.objects.filter(id=b.id).update(
            consecutive_failures=7, failing_since=now,
            open_until=now + timedelta(minutes=5),
        )  # fmt: skip
        Endpoint.objects.filter(id=c.id).update(
            disabled_at=now, disabled_reason="The receiver answered 410 Gone."
        )
        Endpoint.objects.filter(id=a.id).update(first_called_at=now)
        page = shown(console, made)
        assert "7 attempts failed in a row" in page
        assert page.count("Nothing is sent to it before") == 1
        assert "The receiver answered 410 Gone." in page
        endpoints = console.get(address(made)).context["subscription"].live_endpoints
        assert [endpoint.health.label for endpoint in endpoints] == [
            "Healthy", "Paused", "Disabled", "Not called yet",
        ]  # fmt: skip
        link = f"/staff/deliveries/?endpoint={a.pk}&amp;subscription={made.pk}"
        assert f'href="{link}"' in page
        assert "Deliveries to 1 of its URLs are disabled" in page
        assert "No attempt was made yet." in page

    def test_of_very_many_events_it_names_the_first(
        self, console: Client, partner
    ) -> None:
        names = [
            f"order.created.v{number}" for number in range(overview.MOST_NAMED + 7)
        ]
        key, _ = factories.key(factories.unlimited(partner))
        made = factories.subscription(partner, "topiic", events=names, api_key=key)
        page = shown(console, made)
        section = page.split('id="event-names"')[1].split("</section>")[0]
        assert "507 events, by the name in" in section
        assert section.count("<dt>") == overview.MOST_NAMED
        assert "… and 7 more." in section

    @pytest.mark.parametrize(
        ("dialect", "events", "says"),
        [
            (
                "blaze",
                None,
                "It is subscribed to every event that its dialect has a name for.",
            ),
            ("blaze", ["NEW_MEMBER"], "published as <code>member.created</code>"),
            (
                "nursa",
                ["all"],
                "It is subscribed to every event that its dialect has a name for.",
            ),
            ("nursa", [], "It is subscribed to no event"),
            (
                "capa",
                None,
                "It is subscribed to every event that its dialect has a name for.",
            ),
            ("partnero", ["no.such"], "matches nothing"),
            ("topiic", ["made.up"], "Not in the catalogue"),
            ("topiic", ["payment.failed"], "<code>payment.failed</code>"),
            (
                "portal",
                None,
                "It is subscribed to every event that its dialect has a name for.",
            ),
        ],
    )
    def test_it_says_which_events_it_wants_in_its_dialects_words(
        self, console: Client, partner, dialect, events, says
    ) -> None:
        profile = "standard" if dialect == "portal" else dialect
        key = factories.key(partner)[0] if dialect == "topiic" else None
        made = factories.subscription(
            partner, dialect, profile=profile, events=events, api_key=key
        )
        assert says in shown(console, made)

    def test_it_opens_where_its_profile_is_gone(self, console: Client, partner) -> None:
        made = factories.subscription(
            partner, "blaze", profile="gone", events=["A"], secrets=[]
        )
        page = shown(console, made)
        assert "is not installed" in page
        assert "<code>A</code>" in page

    def test_it_shows_what_the_partner_sees(self, console: Client, partner) -> None:
        made = factories.subscription(partner, "blaze", events=["NEW_MEMBER"])
        page = shown(console, made)
        assert "What the partner sees" in page
        assert "GET /" in page
        assert "&quot;NEW_MEMBER&quot;" in page

    def test_it_leads_to_its_partner_key_deliveries_and_changes(
        self, console: Client, partner
    ) -> None:
        key, _ = factories.key(partner)
        made = factories.subscription(partner, "topiic", api_key=key)
        sent = traffic.delivery(made)
        page = shown(console, made)
        entry = AuditEntry.objects.get(action="subscription.created")
        for link in (
            f"/staff/partners/{partner.pk}/",
            f"/staff/keys/{key.pk}/",
            f"/staff/deliveries/{sent.pk}/",
            f"/staff/deliveries/?subscription={made.pk}",
            f"/staff/audit/{entry.pk}/",
            f"/staff/audit/?target={made.pk}",
            f"/staff/recoveries/new/?partner={partner.pk}&amp;subscription={made.pk}",
        ):
            assert f'href="{link}"' in page

    def test_what_others_wrote_is_text(self, console: Client, partner) -> None:
        made = factories.subscription(
            partner, "partnero", name=HOSTILE, shop_id=HOSTILE, events=[HOSTILE]
        )
        Endpoint.objects.update(url=f"https://x/{HOSTILE}", disabled_at=timezone.now(),
                                disabled_reason=HOSTILE)  # fmt: skip
        page = shown(console, made)
        assert "<script>alert" not in page
        assert "<img src=x" not in page

    def test_buttons_are_shown_to_who_may_press_them(
        self, login: Login, one_of_each_state
    ) -> None:
        made = one_of_each_state["disabled"]
        acts = {
            "change_subscription": ["edit", "enable"],
            "delete_subscription": ["delete"],
            "add_event": ["test"],
        }
        for permission, names in acts.items():
            page = shown(login("view_subscription", permission), made)
            for name in [n for many in acts.values() for n in many]:
                link = f'href="{address(made, name)}"'
                assert (link in page) == (name in names), (permission, name)

    def test_what_else_it_shows_takes_its_own_permission(
        self, login: Login, partner
    ) -> None:
        made = hook(partner)
        traffic.delivery(made)
        bare = shown(login("view_subscription"), made)
        assert "Recent deliveries" not in bare
        assert "/staff/deliveries/?endpoint=" not in bare
        assert "History" not in bare
        full = shown(
            login("view_subscription", "view_delivery", "view_auditentry"), made
        )
        for heading in ("Recent deliveries", "/staff/deliveries/?endpoint=", "History"):
            assert heading in full

    def test_a_deleted_one_can_only_be_looked_at(
        self, console: Client, one_of_each_state
    ) -> None:
        made = one_of_each_state["deleted"]
        page = shown(console, made)
        assert "Deleted" in page
        for act in ("edit", "enable", "test", "delete", "rotate-secret"):
            assert f'href="{address(made, act)}"' not in page
        for act in ("enable", "test", "delete", "rotate-secret"):
            assert console.get(address(made, act)).status_code == 404
            assert console.post(address(made, act)).status_code == 404

    @pytest.mark.once
    @pytest.mark.parametrize("watched", [False, True])
    def test_its_statements_do_not_grow(
        self, console: Client, partner, watched
    ) -> None:
        asked = []
        factories.unlimited(partner)
        for number in (1, 10, 100):
            made = hook(partner, *(f"{URL}/{n}" for n in range(min(number, 20))))
            for _ in range(number):
                event = testing.send(by=SYSTEM, subscription=made)
            query = f"?test={event.pk}" if watched else ""
            asked.append(statements(console, address(made) + query))
        assert len(set(asked)) == 1


class TestEnabling:
    def test_it_is_asked_and_then_done(
        self, console: Client, one_of_each_state
    ) -> None:
        made = one_of_each_state["disabled"]
        page = console.get(address(made, "enable")).content.decode()
        assert f"{URL}/disabled" in page
        assert "Every attempt failed." in page
        made.refresh_from_db()
        assert made.disabled_at is not None
        response = console.post(address(made, "enable"), follow=True)
        assert "It is enabled" in response.content.decode()
        made.refresh_from_db()
        endpoint = made.endpoints.get()
        assert (made.disabled_at, endpoint.disabled_at) == (None, None)
        assert endpoint.consecutive_failures == 0
        assert AuditEntry.objects.filter(
            action="subscription.updated", actor="boss"
        ).exists()

    def test_one_url_of_several_is_enabled(self, console: Client, partner) -> None:
        made = hook(partner, URL + "/a", URL + "/b")
        gone = made.endpoints.live()[1]
        Endpoint.objects.filter(id=gone.id).update(
            disabled_at=timezone.now(), disabled_reason="Gone."
        )
        page = console.get(address(made, "enable")).content.decode()
        assert f"{URL}/b" in page
        assert f"{URL}/a" not in page
        console.post(address(made, "enable"))
        gone.refresh_from_db()
        assert gone.disabled_at is None

    def test_what_its_owner_switches_off_meanwhile_stays_off(
        self, console: Client, one_of_each_state, monkeypatch
    ) -> None:
        made = one_of_each_state["disabled"]
        asked = overview.is_disabled

        def switched_off_after(*given: Any) -> bool:
            answer = asked(*given)
            subscriptions.update(
                by=SYSTEM, subscription=made, change={"is_active": False}
            )
            return answer

        monkeypatch.setattr(overview, "is_disabled", switched_off_after)
        response = console.post(address(made, "enable"))
        assert response["Location"] == address(made)
        made.refresh_from_db()
        assert not made.is_active

    @pytest.mark.parametrize("state", ["on", "off", "failing"])
    def test_there_is_nothing_to_enable_otherwise(
        self, console: Client, one_of_each_state, state
    ) -> None:
        made = one_of_each_state[state]
        for response in (
            console.get(address(made, "enable"), follow=True),
            console.post(address(made, "enable"), follow=True),
        ):
            assert "Nothing of it is disabled." in response.content.decode()
        assert not AuditEntry.objects.filter(action="subscription.updated").exists()


class TestDeleting:
    def test_it_names_what_follows(self, console: Client, partner, monkeypatch) -> None:
        made = factories.subscription(partner, "capa", is_singleton=True, secrets=["s"])
        other = hook(partner)
        page = console.get(address(made, "delete")).content.decode()
        assert "cannot be undone" in page
        assert "can make a new one in its place" in page
        assert "all of which are cancelled" not in page
        for _ in range(3):
            testing.send(by=SYSTEM, subscription=other)
        page = console.get(address(other, "delete")).content.decode()
        assert "3, all of which are cancelled" in page
        assert "can make a new one" not in page
        monkeypatch.setattr("webhooks.staff.subscriptions.views.MOST_WAITING", 2)
        testing.send(by=SYSTEM, subscription=other)
        answer = console.get(address(other, "delete"))
        assert answer.context["waiting"] == 3, "one more than it says"
        page = answer.content.decode()
        assert "more than 2, all of which" in page
        assert Subscription.objects.live().count() == 2

    def test_it_is_deleted_and_stays_to_be_looked_at(
        self, console: Client, partner
    ) -> None:
        made = hook(partner)
        testing.send(by=SYSTEM, subscription=made)
        response = console.post(address(made, "delete"), follow=True)
        assert response.redirect_chain == [(address(made), 302)]
        assert "It is deleted" in response.content.decode()
        assert not Subscription.objects.live().exists()
        assert Delivery.objects.get().state == "cancelled"
        entry = AuditEntry.objects.get(action="subscription.deleted")
        assert (entry.actor_kind, entry.actor) == ("staff", "boss")
