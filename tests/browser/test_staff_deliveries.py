"""What a browser adds to the staff pages: the viewer's time, copying, what is live."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from tests import factories
from tests.admin import traffic
from webhooks.models import AuditEntry, Delivery, Event, StaffSession

from .conftest import log_in

HOSTILE = "<script>document.title='taken'</script>\u202e"
SIZES = [(1280, 900), (390, 844)]
PAGES = (
    "deliveries/",
    "deliveries/?status=200&within=24h",
    "deliveries/?status=9",
    "deliveries/{delivery}/",
    "deliveries/{delivery}/redeliver/",
    "events/",
    "events/{event}/",
    "events/publish/?type=customer.created",
    "event-types/",
    "event-types/customer.created/",
    "audit/",
    "audit/{entry}/",
)


@pytest.fixture
def sent(live_server) -> Delivery:
    """A delivery that was delivered, with hostile bytes all over it."""
    partner = factories.partner(name=f"Acme {HOSTILE}")
    sent = traffic.delivery(factories.subscription(partner, "blaze"))
    traffic.attempt(
        sent,
        response_body=HOSTILE.encode(),
        request_body=b'{"id": "c1"}',
        error=HOSTILE,
    )
    return sent


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_no_page_complains_or_is_wider_than_its_window(
    console: Page, sent: Delivery, size: tuple[int, int], scheme
) -> None:
    width, height = size
    console.set_viewport_size({"width": width, "height": height})
    console.emulate_media(color_scheme=scheme)
    entry = AuditEntry.objects.earliest("id")
    for address in PAGES:
        console.goto(
            "/staff/"
            + address.format(delivery=sent.pk, event=sent.event_id, entry=entry.pk)
        )
        expect(console.locator(".staff")).to_be_visible()
        wide = console.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, address
        assert console.title() != "taken"


def test_it_finds_a_failure_and_sends_it_again(console: Page, sent: Delivery) -> None:
    Delivery.objects.update(state="exhausted", last_status=500)
    console.goto("/staff/deliveries/")
    console.get_by_label("Status", exact=True).select_option("failed")
    console.get_by_label("Status code").fill("500")
    console.get_by_role("button", name="Filter").click()
    expect(console.get_by_label("Filters that are set")).to_contain_text(
        "Not delivered"
    )
    console.get_by_role("link", name="customer.created").click()
    console.get_by_role("link", name="Send again").click()
    expect(console.get_by_text("under the same event id")).to_be_visible()
    console.get_by_role("button", name="Send again").click()
    expect(console.get_by_text("This is the new delivery")).to_be_visible()
    again = Delivery.objects.get(redelivery_of=sent.pk)
    assert again.state == "pending"


def test_times_are_the_viewers_and_utc_on_hover(
    console: Page, sent: Delivery, chromium: Browser, live_server
) -> None:
    Delivery.objects.update(created_at="2026-11-21T10:34:56.789Z")
    context = chromium.new_context(
        base_url=live_server.url, timezone_id="Asia/Kolkata", locale="en-GB",
        storage_state=console.context.storage_state(),
    )  # fmt: skip
    page = context.new_page()
    page.goto(f"/staff/deliveries/{sent.pk}/")
    queued = page.locator("dt", has_text="Queued").locator("+ dd time")
    expect(queued).to_contain_text("16:04:56")
    expect(queued).to_have_attribute("title", "2026-11-21 10:34:56.789 UTC")
    context.close()


def test_it_copies_the_request(console: Page, sent: Delivery) -> None:
    console.context.grant_permissions(["clipboard-read", "clipboard-write"])
    console.goto(f"/staff/deliveries/{sent.pk}/")
    console.locator("summary", has_text="As curl").first.click()
    line = console.locator("#curl-2").inner_text()
    console.get_by_role("button", name="Copy").first.click()
    expect(console.get_by_role("button", name="Copied")).to_be_visible()
    assert console.evaluate("navigator.clipboard.readText()") == line


def test_a_body_is_saved_and_not_opened(console: Page, sent: Delivery) -> None:
    console.goto(f"/staff/deliveries/{sent.pk}/")
    with console.expect_download() as saving:
        console.get_by_role("link", name="Save the body as it came").first.click()
    assert saving.value.suggested_filename.endswith(".bin")
    assert saving.value.path().read_bytes() == HOSTILE.encode()


class TestLive:
    @pytest.fixture
    def waits(self, sent: Delivery) -> Delivery:
        Delivery.objects.update(
            state="pending",
            settled_at=None,
            due_at=timezone.now() + timedelta(seconds=1),
        )
        return sent

    def test_it_shows_what_happens_and_keeps_what_is_open(
        self, console: Page, waits: Delivery
    ) -> None:
        console.goto(f"/staff/deliveries/{waits.pk}/")
        console.locator("#attempt-1 > summary").click()
        console.locator("#attempt-2 > summary").click()  # the latest stands open
        traffic.attempt(waits, response_body=b"third time lucky")
        expect(console.get_by_text("third time lucky")).to_be_visible()
        expect(console.locator("#attempt-1")).to_have_attribute("open", "")
        expect(console.locator("#attempt-2")).not_to_have_attribute("open", "")
        expect(console.locator("#attempt-2 > summary")).to_be_focused()
        Delivery.objects.update(
            state="delivered", settled_at=timezone.now(), due_at=None
        )
        expect(console.get_by_text("It arrived at")).to_be_visible()
        expect(console.locator("[data-live]")).to_have_count(0)

    def test_it_leaves_alone_what_is_being_selected(
        self, console: Page, waits: Delivery
    ) -> None:
        console.goto(f"/staff/deliveries/{waits.pk}/")
        console.evaluate(
            "getSelection().selectAllChildren(document.querySelector('#request-body'))"
        )
        traffic.attempt(waits, response_body=b"third time lucky")
        console.wait_for_timeout(3_500)
        assert "c1" in console.evaluate("getSelection().toString()")
        console.evaluate("getSelection().removeAllRanges()")
        expect(console.get_by_text("third time lucky")).to_be_visible()

    def test_it_shows_nothing_more_when_the_session_is_over(
        self, console: Page, waits: Delivery
    ) -> None:
        console.goto(f"/staff/deliveries/{waits.pk}/")
        StaffSession.objects.all().delete()
        expect(console.get_by_text("ended from another one")).to_be_visible()
        expect(console.get_by_text(waits.url)).to_have_count(0)


class TestWithoutJavaScript:
    @pytest.fixture
    def plain(self, chromium: Browser, live_server, boss) -> Iterator[Page]:
        context = chromium.new_context(
            base_url=live_server.url, java_script_enabled=False
        )
        log_in(context, boss, live_server.url)
        page = context.new_page()
        yield page
        context.close()

    def test_everything_can_be_read_and_done(self, plain: Page, sent: Delivery) -> None:
        plain.goto("/staff/deliveries/")
        plain.get_by_role("link", name="customer.created").click()
        expect(plain.get_by_text("It arrived at")).to_be_visible()
        expect(plain.locator("time").first).to_contain_text("UTC")
        expect(plain.get_by_role("button", name="Copy")).to_have_count(0)
        plain.get_by_role("link", name="Send again").click()
        plain.get_by_role("button", name="Send again").click()
        expect(plain.get_by_text("This is the new delivery")).to_be_visible()

    def test_the_menu_is_there_on_a_phone(self, plain: Page) -> None:
        plain.set_viewport_size({"width": 390, "height": 844})
        plain.goto("/staff/deliveries/")
        plain.get_by_role("link", name="Audit log").first.click()
        expect(plain.get_by_role("heading", name="Audit log")).to_be_visible()

    def test_an_event_is_published_from_its_types_example(
        self, plain: Page, sent: Delivery
    ) -> None:
        plain.goto("/staff/event-types/customer.created/")
        plain.get_by_role("link", name="Publish a test event").click()
        plain.get_by_role("textbox", name="Partner").fill("acme")
        plain.get_by_role("button", name="Publish it").click()
        expect(plain.get_by_role("heading", name="Deliveries")).to_be_visible()
        made = Event.objects.exclude(id=sent.event_id).get()
        assert made.data["email"] == "ada@example.com"
