"""One event, the catalogue of types, and publishing by hand."""

import json

import pytest
from django.test import Client

from tests import factories
from tests.admin import traffic
from tests.admin.conftest import Login
from tests.operations.outcomes import hook, publish
from webhooks.console import paging, untrusted_text
from webhooks.console.idempotency import FIELD
from webhooks.models import AuditEntry, Delivery, Event, EventType, PendingFanout
from webhooks.models.ids import time_ordered
from webhooks.operations import events, fanouts
from webhooks.operations.audit import SYSTEM

ADDRESS = "/staff/events/publish/?type=order.created"


class TestOne:
    def test_it_shows_the_payload_and_where_it_went(self, console: Client) -> None:
        sent = traffic.delivery()
        page = console.get(f"/staff/events/{sent.event_id}/").content.decode()
        assert "&quot;id&quot;: &quot;c1&quot;" in page
        assert f'href="/staff/deliveries/{sent.pk}/"' in page
        assert "1 subscription" in page

    def test_it_says_why_nobody_was_told(self, console: Client) -> None:
        event = events.publish(
            by=SYSTEM, partner=factories.partner(), type="order.created",
            data={"<b>": "</pre><script>alert(1)</script>"}, attributes={"shop_id": "<i>7</i>"}, idempotency_key="<u>k</u>",
        ).event  # fmt: skip
        page = console.get(f"/staff/events/{event.pk}/").content.decode()
        assert "It has no deliveries" in page
        assert event.unmatched_reason in page
        for markup in ("<script>alert", "<b>&", "<i>7", "<u>k"):
            assert markup not in page

    def test_a_type_leads_to_the_catalogue_where_it_is_in_it(
        self, console: Client
    ) -> None:
        event = traffic.delivery().event
        page = f"/staff/events/{event.pk}/"
        link = 'href="/staff/event-types/customer.created/"'
        assert link in console.get(page).content.decode()
        EventType.objects.filter(name=event.type).delete()
        assert link not in console.get(page).content.decode()

    def test_where_it_went_is_for_who_may_see_deliveries(self, login: Login) -> None:
        sent = traffic.delivery()
        page = f"/staff/events/{sent.event_id}/"
        for permissions, shows in (((), False), (("view_delivery",), True)):
            html = login("view_event", *permissions).get(page).content.decode()
            assert (sent.url in html) is shows
            assert (f'href="/staff/deliveries/{sent.pk}/"' in html) is shows
            assert "1 subscription" in html


class TestTypes:
    def test_a_name_that_no_database_takes_is_refused(self, console: Client) -> None:
        assert console.get("/staff/event-types/a%00b/").status_code == 400
        assert console.get("/staff/events/publish/?type=a%00b").status_code == 400
        assert console.post("/staff/events/publish/?type=a%00b").status_code == 400

    def test_the_list_leads_to_every_type(self, console: Client) -> None:
        pages, query = "", ""
        while query is not None:
            response = console.get(f"/staff/event-types/{query}")
            pages += response.content.decode()
            query = response.context["listed"].older
        for event_type in EventType.objects.all():
            assert f'href="/staff/event-types/{event_type.name}/"' in pages

    def test_the_list_comes_in_pages(self, console: Client) -> None:
        EventType.objects.bulk_create(
            EventType(name=f"large.vocabulary{number}") for number in range(300)
        )
        response = console.get("/staff/event-types/")
        assert len(response.context["listed"].rows) == paging.SIZE
        response = console.get("/staff/event-types/?name=vocabulary299")
        assert [t.name for t in response.context["listed"].rows] == [
            "large.vocabulary299"
        ]

    def test_one_says_what_it_is_in_every_dialect(self, console: Client) -> None:
        EventType.objects.filter(name="customer.created").update(
            schema={"type": "object", "required": ["id"]}
        )
        page = console.get("/staff/event-types/customer.created/").content.decode()
        assert "A customer signed up." in page
        assert "ada@example.com" in page
        assert "&quot;required&quot;" in page
        assert "NEW_CONSUMER_SIGNUP" in page  # BLAZE's
        assert "no name: this dialect does not send it" in page  # Capa

    def test_a_name_may_be_any_text(self, console: Client) -> None:
        name = "a/<script>alert(1)</script>?b&c"
        EventType.objects.create(name=name, description="<img src=x>")
        page = console.get("/staff/event-types/").content.decode()
        assert "<script>alert" not in page
        assert "<img src=x>" not in page
        address = console.get("/staff/event-types/").context["listed"].rows
        assert name in {row.name for row in address}
        link = page.split('href="/staff/event-types/a/')[1].split('"')[0]
        one = console.get(f"/staff/event-types/a/{link}".replace("&amp;", "&"))
        assert one.context["event_type"].name == name
        assert "<script>alert" not in one.content.decode()


class TestPublishing:
    def form(self, **fields: str) -> dict[str, str]:
        return {
            "partner": "Acme",
            "payload": '{"id": "ord_1"}',
            "shop_id": "",
            **fields,
        }

    def test_it_begins_with_the_types_example(self, console: Client) -> None:
        factories.partner(name="Acme")
        page = console.get(f"{ADDRESS}&partner=Acme")
        example = EventType.objects.get(name="order.created").example
        assert json.loads(page.context["form"]["payload"].value()) == example
        assert page.context["form"]["partner"].value() == "Acme"
        assert "cannot tell that it is a test" in page.content.decode()
        assert not Event.objects.exists()

    def test_the_partner_stays_when_another_type_is_chosen(self, console) -> None:
        partner = factories.partner(name="Acme")
        page = console.get(f"/staff/events/publish/?partner={partner.pk}")
        choice = (
            page.content.decode().split('<form method="get"')[1].split("</form>")[0]
        )
        assert f'name="partner" value="{partner.pk}"' in choice

    def test_a_long_example_is_not_cut(self, console: Client) -> None:
        example = {"text": "\u200d" + "x" * untrusted_text.SHOWN}
        EventType.objects.filter(name="order.created").update(example=example)
        begun = console.get(ADDRESS).context["form"]["payload"].value()
        assert json.loads(begun) == example

    def test_without_a_type_it_asks_for_one(self, console: Client) -> None:
        for query in ("", "?type=unknown"):
            page = console.get(f"/staff/events/publish/{query}").content.decode()
            assert '<option value="order.created">' in page
            assert "payload" not in page
            response = console.post(f"/staff/events/publish/{query}", self.form())
            assert response.status_code == 404

    def test_it_publishes_and_shows_where_it_goes(self, console: Client) -> None:
        partner = factories.partner(name="Acme")
        factories.subscription(partner, "partnero", events=["order.created"])
        factories.subscription(partner, "portal", profile="standard")
        response = console.post(ADDRESS, self.form(), follow=True)
        event = Event.objects.get()
        assert (event.type, event.data) == ("order.created", {"id": "ord_1"})
        assert response.redirect_chain == [(f"/staff/events/{event.pk}/", 302)]
        assert "Its deliveries are below" in response.content.decode()
        assert Delivery.objects.count() == event.matched > 0
        entry = AuditEntry.objects.get(action="event.published")
        assert (entry.actor_kind, entry.actor, entry.ip) == (
            "staff",
            "boss",
            "127.0.0.1",
        )

    def test_a_form_that_is_sent_twice_publishes_once(self, console: Client) -> None:
        factories.partner(name="Acme")
        once = {FIELD: str(time_ordered())}
        first, again, edited = (
            console.post(ADDRESS, self.form(**once, payload=payload))["Location"]
            for payload in ('{"id": "a"}', '{"id": "a"}', '{"id": "b"}')
        )
        assert first == again != edited
        assert Event.objects.count() == 2

    def test_it_says_when_nobody_is_told(self, console: Client) -> None:
        factories.partner(name="Acme")
        response = console.post(ADDRESS, self.form(shop_id="9"), follow=True)
        event = Event.objects.get()
        assert event.attributes == {"shop_id": "9"}
        page = response.content.decode()
        assert f"unmatched. {event.unmatched_reason}" in page

    @pytest.mark.parametrize(
        ("fields", "field", "says"),
        [
            ({"partner": "Nobody"}, "partner", "There is no such partner."),
            ({"partner": ""}, "partner", "This field is required."),
            ({"payload": "{"}, "payload", "This is no JSON"),
            ({"payload": '{"a": NaN}'}, "payload", "This is no JSON"),
            ({"payload": "[1]"}, "payload", "object"),
            ({"payload": "{}"}, "payload", "id"),  # by the schema
            ({"shop_id": "x" * 256}, "shop_id", "at most 255 characters"),
        ],
    )
    def test_what_is_wrong_stands_beside_its_field(
        self, console: Client, fields, field, says
    ) -> None:
        factories.partner(name="Acme")
        EventType.objects.filter(name="order.created").update(
            schema={"type": "object", "required": ["id"]}
        )
        response = console.post(ADDRESS, self.form(**fields))
        assert response.status_code == 422
        assert says in response.context["form"].errors[field][0]
        assert not Event.objects.exists()


class TestFanouts:
    @pytest.fixture
    def event(self, monkeypatch):
        monkeypatch.setattr(fanouts, "PIECE", 2)
        partner = factories.partner(name="Acme")
        for number in range(5):
            hook(partner, f"https://receiver.example.com/{number}")
        return publish(partner)

    def shown(self, console, event):
        return console.get(f"/staff/events/{event.id}/").content.decode()

    def test_an_event_says_how_far_its_fan_out_is(self, console, event):
        assert "It has no deliveries yet." in self.shown(console, event)
        fanouts.advance()
        page = self.shown(console, event)
        assert "2 deliveries so far." in page
        assert "for 3 more subscriptions" in page
        while fanouts.advance():
            pass
        assert "so far." not in self.shown(console, event)

    def test_the_dashboard_tells_of_it_and_leads_to_it(self, console, event):
        (found,) = console.get("/staff/").context["all_alerts"][-1:]
        assert (found.colour, found.title) == ("info", "1 event is being queued")
        assert list(console.get(found.address).context["listed"].rows) == [event]

    def test_one_that_is_stuck_is_an_alert_with_its_error(self, console, event):
        PendingFanout.objects.update(failures=5, error="ValueError: <b>")
        (found,) = [
            alert
            for alert in console.get("/staff/").context["alerts"]
            if alert.title == "1 event cannot be queued"
        ]
        assert found.colour == "danger"
        assert [item.description for item in found.items] == ["ValueError: <b>"]
        assert list(console.get(found.address).context["listed"].rows) == [event]
        page = self.shown(console, event)
        assert "ValueError: &lt;b&gt;" in page
        assert not console.get("/staff/events/?queued=going_on").context["listed"].rows
