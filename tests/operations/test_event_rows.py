"""The rows that new events are written as."""

import pytest
from django.utils import timezone

from tests import factories
from tests.operations.outcomes import URL, hook
from webhooks.models import Delivery, Event
from webhooks.operations import event_deliveries, events, matching
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db

# What a line of COPY would end, divide, or take for something else.
ODD = "tab\t line\n return\r backslash\\ \\N \\. \\t quote\" ' é 漢 \U0001f600 \u2028"


@pytest.fixture
def partner():
    return factories.partner()


def new(partner, **fields):
    return events.NewEvent(
        **{"partner": partner, "type": "order.created", "data": {}} | fields
    )


def publish(*news):
    return events.publish_batch(by=SYSTEM, events=news)


@pytest.mark.parametrize("count", [1, 3])
def test_every_text_is_stored_as_it_is(partner, count):
    hook(partner).endpoints.update(url=ODD)  # as no URL is today
    hook(partner, f"{URL}/removed").endpoints.update(removed_at=timezone.now())
    data = {ODD: [ODD, None, True, 1.5, -0.25, 1e40, 2**63, {"a": []}]}

    outcomes = publish(
        *(
            new(partner, data=data, attributes={"x": ODD}, idempotency_key=f"{n}{ODD}")
            for n in range(count)
        )
    )

    for number, outcome in enumerate(outcomes):
        stored = Event.objects.get(id=outcome.event.id)
        assert stored.data == outcome.event.data == data
        assert stored.attributes == {"x": ODD}
        assert stored.idempotency_key == f"{number}{ODD}"
        assert (stored.matched, stored.unmatched_reason) == (2, "")
        for field in Event._meta.concrete_fields:
            name = field.attname
            assert getattr(stored, name) == getattr(outcome.event, name), name
        sent = stored.deliveries.get(state=Delivery.State.PENDING)
        assert (sent.url, sent.lane) == (ODD, Delivery.Lane.FRESH)
        unsent = stored.deliveries.get(state=Delivery.State.NOT_SENT)
        assert (unsent.url, unsent.endpoint, unsent.due_at) == ("", None, None)
        assert unsent.reason == event_deliveries.NO_URL


def test_a_delivery_is_written_with_the_defaults_of_its_columns(partner):
    hook(partner)
    (outcome,) = publish(new(partner))

    delivery = Delivery.objects.get()

    expected = Delivery(
        id=delivery.id,
        event=outcome.event,
        partner=partner,
        subscription=delivery.subscription,
        endpoint=delivery.subscription.endpoints.get(),
        url=delivery.url,
        profile="standard",
        state=Delivery.State.PENDING,
        created_at=outcome.event.created_at,
        due_at=outcome.event.created_at,
    )
    for field in Delivery._meta.concrete_fields:
        name = field.attname
        assert getattr(delivery, name) == getattr(expected, name), name


def test_events_of_the_same_partner_type_and_shop_are_matched_once(
    partner, monkeypatch
):
    other = factories.partner()
    for each in (partner, other):
        hook(each)
    asked, why_not = [], matching.why_not

    def noted(subscription, event):
        asked.append((event.partner.id, event.type, event.attributes.get("shop_id")))
        return why_not(subscription, event)

    monkeypatch.setattr(matching, "why_not", noted)
    news = [
        new(partner),
        new(other),
        new(partner, type="order.paid"),
        new(partner, attributes={"shop_id": "s1"}),
        new(partner, attributes={"shop_id": "s2", "more": 1}),
        new(partner, attributes={"shop_id": "s2"}),
    ]

    publish(*news * 3)

    assert sorted(map(str, asked)) == sorted(
        str((n.partner.id, n.type, n.attributes.get("shop_id"))) for n in news[:5]
    )
    assert Delivery.objects.count() == 3 * len(news)


def test_what_was_found_is_not_kept_for_the_next_transaction(partner):
    assert publish(new(partner))[0].event.matched == 0
    hook(partner)
    assert publish(new(partner))[0].event.matched == 1
