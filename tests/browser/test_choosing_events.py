"""Choosing the events of a subscription: events.js finds some, and greys out what is not sent."""

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from webhooks.models import EventType, Partner, Subscription


@pytest.fixture
def form(console: Page, partner: Partner) -> Page:
    """The form of a new subscription that can be to every event."""
    console.goto(f"/staff/subscriptions/new/?partner={partner.pk}&dialect=portal")
    return console


@pytest.fixture
def partner(live_server) -> Partner:
    for number in range(40):
        name = f"order.step{number:02}" if number % 2 else f"invoice.step{number:02}"
        EventType.objects.create(name=name, description="", example={})
    return factories.partner()


def option(page: Page, name: str):
    return page.get_by_role("checkbox", name=name)


def test_events_that_are_not_found_are_hidden(form: Page) -> None:
    form.get_by_label("Only these").check()
    form.get_by_label("Find an event").fill("ORDER.step03")
    expect(option(form, "order.step03")).to_be_visible()  # its family opens
    expect(option(form, "order.step01")).to_be_hidden()
    expect(form.get_by_text("invoice", exact=False).first).to_be_hidden()
    form.get_by_label("Find an event").fill("")
    expect(form.get_by_text("invoice", exact=False).first).to_be_visible()
    expect(option(form, "order.step03")).to_be_hidden()  # folded, as before


def test_a_choice_of_every_event_greys_the_others_out(form: Page) -> None:
    form.get_by_label("Only these").check()
    form.get_by_label("Find an event").fill("order.step03")
    option(form, "order.step03").check()
    form.get_by_label("Every event", exact=False).check()
    expect(option(form, "order.step03")).to_be_disabled()
    form.get_by_role("textbox", name="URL").first.fill("https://example.com/hook")
    form.get_by_role("button", name="Create it").click()
    expect(form.get_by_text("It is created")).to_be_visible()
    assert Subscription.objects.get().events is None  # no contradiction was sent
