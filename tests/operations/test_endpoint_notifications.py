"""Endpoint notifications: who gets them, and that they never cause more of them."""

import pytest

from tests import factories
from tests.delivery.backlog import all_due, publish, subscription
from tests.delivery.settlements import claimed, retry
from tests.operations.notifications import (
    AT,
    GONE,
    OPS,
    URL,
    disable,
    notification,
    waiting,
    write,
)
from webhooks.delivery import outbox
from webhooks.delivery.endpoint_notifications import Kind
from webhooks.models import (
    AuditEntry,
    Delivery,
    Endpoint,
    Event,
    Notice,
    Partner,
    Subscription,
)
from webhooks.operations import endpoint_notifications, partners
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def partner() -> Partner:
    return factories.partner(name="Acme", contact_email="ops@acme.example")


@pytest.mark.parametrize("kind", [Kind.FAILING, Kind.RECOVERED, Kind.DISABLED])
def test_a_subscription_that_wants_it_is_sent_an_event(kind, partner, blaze, ops):
    write(disable(blaze) if kind is Kind.DISABLED else notification(kind, blaze))

    assert waiting() == {(kind.value, OPS)}
    event = Event.objects.get()
    assert (event.partner, event.occurred_at) == (partner, AT)
    assert event.data["endpoint"] == {"id": str(blaze.id), "url": URL}
    assert event.data["subscription"] == {
        "id": blaze.subscription.public_id,
        "dialect": "blaze",
        "name": "",
    }
    assert event.data["failing_since"] == "2026-11-16T12:00:00Z"
    assert event.data["failures"] == 9
    assert event.data.get("reason") == (GONE if kind is Kind.DISABLED else None)


def test_it_is_due_by_the_clock_that_noticed(blaze, ops):
    write(notification(Kind.FAILING, blaze))
    assert Delivery.objects.get().due_at == AT


@pytest.mark.parametrize(
    ("outcome", "status", "words"),
    [
        ("ok", 200, None),
        ("status", 500, "The endpoint answered with status 500."),
        ("redirect", 302, "The endpoint answered with a redirect, which is not followed."),
        ("dns", None, "The endpoint could not be reached."),
        ("refused", None, "The endpoint could not be reached."),
        ("timeout", None, "The endpoint could not be reached."),
        ("error", None, "The request could not be made."),
        ("", None, None),
    ],
)  # fmt: skip
def test_it_says_why_in_words_for_partners(blaze, ops, outcome, status, words):
    write(notification(Kind.FAILING, blaze, outcome=outcome, status=status))

    data = Event.objects.get().data
    assert (data["last_error"], data["last_status"]) == (words, status)


def test_what_is_exhausted_is_listed(blaze, ops):
    published = publish(blaze.subscription, 3, type="customer.created")
    ids = tuple(d.id for d in published if d.endpoint_id == blaze.id)

    write(notification(Kind.EXHAUSTED, blaze, deliveries=ids))

    data = Event.objects.get(type="endpoint.exhausted").data
    assert data["count"] == 3
    assert data["deliveries"] == [
        {"id": str(d.id), "event_id": str(d.event_id), "event_type": "customer.created"}
        for d in published
    ]


def test_a_list_is_cut_and_says_how_long_it_was(blaze, ops, monkeypatch):
    monkeypatch.setattr(endpoint_notifications, "MOST_LISTED", 2)
    published = publish(blaze.subscription, 3, type="customer.created")

    write(
        notification(Kind.EXHAUSTED, blaze, deliveries=tuple(d.id for d in published))
    )

    data = Event.objects.get(type="endpoint.exhausted").data
    assert (data["count"], len(data["deliveries"])) == (3, 2)


class TestWhoIsNotTold:
    def test_nothing_is_published_where_nobody_wants_it(self, partner, blaze):
        subscription(OPS, partner=partner, events=["order.created"])
        write(notification(Kind.FAILING, blaze))
        assert not Event.objects.exists()

    @pytest.mark.parametrize(
        "fields",
        [
            {"is_active": False},
            {"deleted_at": AT},
            {"disabled_at": AT, "disabled_reason": GONE},
        ],
        ids=["inactive", "deleted", "disabled"],
    )
    def test_nothing_is_published_where_who_wants_it_is_off(self, blaze, ops, fields):
        Subscription.objects.filter(id=ops.subscription_id).update(**fields)
        write(notification(Kind.FAILING, blaze))
        assert not Event.objects.exists()

    def test_an_inactive_partner_is_told_nothing(self, partner, blaze, ops):
        partners.update(by=SYSTEM, partner=partner, is_active=False)
        write(disable(blaze))
        assert not Event.objects.exists()
        assert not Notice.objects.exists()

    def test_another_partner_is_told_nothing(self, blaze):
        subscription(OPS, events=None)
        write(notification(Kind.FAILING, blaze))
        assert not Event.objects.exists()

    def test_a_deleted_subscription_is_no_news(self, blaze, ops):
        Subscription.objects.filter(id=blaze.subscription_id).update(deleted_at=AT)
        write(disable(blaze))
        assert not Event.objects.exists()
        assert not Notice.objects.exists()

    def test_a_url_that_was_replaced_is_news_only_for_what_was_lost(self, blaze, ops):
        (lost,) = publish(blaze.subscription, type="customer.created")
        Endpoint.objects.filter(id=blaze.id).update(removed_at=AT)

        write(
            notification(Kind.FAILING, blaze),
            notification(Kind.EXHAUSTED, blaze, deliveries=(lost.id,)),
        )

        told = Event.objects.exclude(type="customer.created")
        assert [event.type for event in told] == ["endpoint.exhausted"]


class TestLoops:
    @pytest.fixture
    def pair(self, partner) -> tuple[Endpoint, Endpoint]:
        """Two subscriptions of the portal's own kind that are sent everything."""
        one = subscription("https://one.example.com/", partner=partner, events=None)
        two = subscription("https://two.example.com/", partner=partner, events=None)
        return one.endpoints.get(), two.endpoints.get()

    def test_an_endpoint_is_not_sent_what_it_is_about(self, pair):
        one, two = pair

        write(notification(Kind.FAILING, one))

        assert waiting() == {("endpoint.failing", two.url)}
        own = Delivery.objects.get(endpoint=one)
        assert own.state == "cancelled"
        # Stored rows have these very words, and a recovery leaves them out by them.
        assert own.reason == "It tells of this endpoint itself."
        assert own.settled_at == AT

    def test_two_that_fail_at_once_are_each_told_of_the_other(self, pair):
        one, two = pair

        write(notification(Kind.FAILING, one), notification(Kind.FAILING, two))

        told = {
            (d.event.data["endpoint"]["url"], d.url)
            for d in Delivery.objects.pending().select_related("event")
        }
        assert told == {(one.url, two.url), (two.url, one.url)}

    def test_the_only_endpoint_that_wants_it_gets_no_event_at_all(self, ops):
        write(
            notification(Kind.FAILING, ops),
            notification(Kind.RECOVERED, ops, outcome="ok", status=200),
            disable(ops),
        )
        assert not Event.objects.exists()

    def test_other_urls_of_the_same_subscription_are_told(self, partner):
        both = subscription(
            "https://one.example.com/", "https://two.example.com/", partner=partner
        )
        one, two = both.endpoints.order_by("position")

        write(disable(one, last=False))

        assert waiting() == {("endpoint.disabled", two.url)}
        assert not Delivery.objects.filter(endpoint=one).exists()

    @pytest.mark.parametrize("carried", list(Kind))
    @pytest.mark.parametrize("kind", [Kind.FAILING, Kind.RECOVERED])
    def test_nothing_is_said_of_an_attempt_that_carried_such_news(
        self, pair, kind, carried
    ):
        write(notification(kind, pair[0], event_type=carried.value))
        assert not Event.objects.exists()

    def test_exhausted_news_is_no_news(self, pair, blaze):
        one, _ = pair
        write(notification(Kind.FAILING, blaze))
        assert len(waiting()) == 2
        lost = Delivery.objects.get(endpoint=one)

        write(
            notification(
                Kind.EXHAUSTED,
                one,
                deliveries=(lost.id,),
                event_type="endpoint.failing",
            )
        )

        assert Event.objects.count() == 1

    def test_of_what_is_exhausted_only_news_is_left_out(self, pair, blaze):
        one, _ = pair
        write(notification(Kind.FAILING, blaze))
        publish(one.subscription, type="order.created")
        lost = Delivery.objects.filter(endpoint=one)

        write(
            notification(
                Kind.EXHAUSTED,
                one,
                deliveries=tuple(lost.values_list("id", flat=True)),
                event_type="endpoint.failing",
            )
        )

        data = Event.objects.get(type="endpoint.exhausted").data
        assert data["count"] == 1
        assert data["deliveries"][0]["event_type"] == "order.created"

    def test_a_dead_endpoint_is_told_of_to_the_others(self, pair):
        one, two = pair

        write(disable(one))
        assert waiting() == {("endpoint.disabled", two.url)}

        # Also if what it failed on was news: it happens once.
        write(disable(two))
        assert waiting() == {("endpoint.disabled", two.url)}

    def test_failing_for_ever_ends(self, pair, blaze):
        """Whatever the two do with what they are told, it comes to an end."""
        write(notification(Kind.FAILING, blaze))
        for _ in range(10):
            told = list(Delivery.objects.pending().select_related("event", "endpoint"))
            for delivery in told:
                about = {"event_type": delivery.event.type}
                write(
                    notification(Kind.FAILING, delivery.endpoint, **about),
                    notification(Kind.RECOVERED, delivery.endpoint, **about),
                    notification(
                        Kind.EXHAUSTED,
                        delivery.endpoint,
                        deliveries=(delivery.id,),
                        **about,
                    ),
                )
            Delivery.objects.filter(id__in=[d.id for d in told]).update(
                state="exhausted", due_at=None, settled_at=AT
            )

        assert Event.objects.count() == 1

    def test_two_that_fail_on_news_of_each_other_do_not_go_on(self, pair):
        """What was carried is what settling says, so it is settled here."""
        one, two = pair
        for _ in range(5):
            publish(one.subscription)
        own = Delivery.objects.filter(endpoint=two, event__type="order.created")
        own.update(state="cancelled", due_at=None, settled_at=AT)

        for _ in range(12):  # until both have failed often enough
            results = [retry(job) for job in claimed()]
            outbox.settle(results, notify=endpoint_notifications.write)
            all_due()

        assert Endpoint.objects.get(id=one.id).consecutive_failures >= 5
        assert Endpoint.objects.get(id=two.id).consecutive_failures >= 5
        kinds = [Kind.FAILING.value]
        assert (
            list(
                Event.objects.exclude(type="order.created").values_list(
                    "type", flat=True
                )
            )
            == kinds
        )


class TestTheLog:
    def test_it_says_that_an_endpoint_was_disabled_and_by_whom(self, partner, blaze):
        write(disable(blaze))

        entry = AuditEntry.objects.get(action="endpoint.disabled")
        assert (entry.actor_kind, entry.actor) == ("system", "system")
        assert (entry.target_id, entry.target) == (str(blaze.id), URL)
        assert (entry.partner_id, entry.dialect) == (partner.id, "blaze")
        assert entry.after == {
            "disabled_at": "2026-11-21T12:00:00Z",
            "disabled_reason": GONE,
        }

    @pytest.mark.parametrize("last", [True, False])
    def test_it_says_that_the_subscription_went_with_its_last_endpoint(
        self, blaze, last
    ):
        write(disable(blaze, last=last))

        found = AuditEntry.objects.filter(action="subscription.disabled")
        assert [entry.target_id for entry in found] == (
            [str(blaze.subscription_id)] if last else []
        )

    def test_failing_and_recovering_change_nothing_that_it_tells_of(self, blaze, ops):
        before = AuditEntry.objects.count()
        write(notification(Kind.FAILING, blaze), notification(Kind.RECOVERED, blaze))
        assert AuditEntry.objects.count() == before


class TestMail:
    def test_the_contact_is_owed_one_when_an_endpoint_is_disabled(self, partner, blaze):
        write(disable(blaze))

        notice = Notice.objects.get()
        assert (notice.partner, notice.to) == (partner, "ops@acme.example")
        assert (notice.created_at, notice.due_at) == (AT, AT)
        assert notice.context["endpoints"][0]["url"] == URL

    def test_it_is_owed_one_for_all_that_were_disabled_at_once(self, partner):
        both = subscription(URL, OPS, partner=partner)
        other = subscription(
            URL, partner=factories.partner(contact_email="b@b.example")
        )
        write(*(disable(e) for e in [*both.endpoints.all(), other.endpoints.get()]))

        owed = dict(Notice.objects.values_list("to", "context"))
        assert {to: len(context["endpoints"]) for to, context in owed.items()} == {
            "ops@acme.example": 2,
            "b@b.example": 1,
        }

    def test_nobody_is_mailed_for_less_or_without_an_address(self, blaze, ops):
        write(notification(Kind.FAILING, blaze), notification(Kind.RECOVERED, blaze))
        nameless = subscription(URL).endpoints.get()
        write(disable(nameless))
        assert not Notice.objects.exists()
