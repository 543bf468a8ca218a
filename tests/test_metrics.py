"""/metrics: what it says, what it costs, and whom it says it to."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from tests import factories
from tests.delivery.backlog import publish, queued, subscription
from webhooks.delivery import heartbeat
from webhooks.front import metrics
from webhooks.models import (
    Delivery,
    EndpointHour,
    Event,
    Notice,
    PendingFanout,
    Worker,
)

URL = "https://receiver.example.com/hook"


@pytest.fixture
def scrape(client):
    """Every sample of a scrape, by its name and labels as they are written."""

    def read() -> dict[str, float]:
        response = client.get("/metrics")
        assert response.status_code == 200
        return {
            sample.name
            + "".join(f" {key}={value}" for key, value in sample.labels.items()): (
                sample.value
            )
            for family in text_string_to_metric_families(response.content.decode())
            for sample in family.samples
        }

    return read


@pytest.mark.django_db
class TestWhatItSays:
    def test_a_portal_without_traffic_has_every_series_at_zero(self, scrape):
        samples = scrape()

        assert {name for name, value in samples.items() if value} == set()
        assert {name for name in samples if "duration" not in name} == {
            "webhooks_deliveries_pending lane=fresh",
            "webhooks_deliveries_pending lane=late",
            "webhooks_deliveries_pending lane=recovery",
            "webhooks_deliveries_pending lane=ordered",
            "webhooks_deliveries_without_key",
            "webhooks_endpoints state=failing",
            "webhooks_endpoints state=open",
            "webhooks_endpoints state=disabled",
            "webhooks_queue_lag_seconds",
            "webhooks_fanouts_unfinished state=going_on",
            "webhooks_fanouts_unfinished state=stuck",
            "webhooks_fanout_lag_seconds",
            "webhooks_attempts_total outcome=delivered",
            "webhooks_attempts_total outcome=failed",
            "webhooks_workers_alive",
            "webhooks_notices_owed",
        }

    def test_it_counts_what_waits_by_lane_and_nothing_else(self, scrape):
        _, two, three = queued(URL, 3)
        Delivery.objects.filter(id=two.id).update(lane=Delivery.Lane.RECOVERY)
        Delivery.objects.filter(id=three.id).update(
            state="delivered", due_at=None, settled_at=timezone.now()
        )

        samples = scrape()

        assert samples["webhooks_deliveries_pending lane=fresh"] == 1
        assert samples["webhooks_deliveries_pending lane=recovery"] == 1
        assert samples["webhooks_deliveries_pending lane=late"] == 0

    def test_it_counts_no_further_than_it_says(self, scrape, monkeypatch):
        monkeypatch.setattr(metrics, "MOST_COUNTED", 2)
        queued(URL, 3)

        assert scrape()["webhooks_deliveries_pending lane=fresh"] == 2

    def test_the_lag_is_that_of_the_longest_due(self, scrape):
        for seconds in (90, 30, -600):
            made = subscription(URL)
            made.endpoints.update(
                next_due_at=timezone.now() - timedelta(seconds=seconds)
            )

        assert 90 <= scrape()["webhooks_queue_lag_seconds"] < 95

    def test_what_is_due_later_is_no_lag(self, scrape):
        made = subscription(URL)
        made.endpoints.update(next_due_at=timezone.now() + timedelta(minutes=1))

        assert scrape()["webhooks_queue_lag_seconds"] == 0

    def test_it_counts_endpoints_by_what_is_wrong_with_them(self, scrape):
        now = timezone.now()
        failing = {"consecutive_failures": 9, "failing_since": now}
        opened = failing | {"open_until": now + timedelta(minutes=1)}
        probing = failing | {"open_until": now - timedelta(minutes=1)}
        disabled = opened | {"disabled_at": now, "disabled_reason": "Gone."}
        removed = opened | {"removed_at": now}
        for fields in (failing, opened, probing, disabled, removed, {}):
            subscription(URL).endpoints.update(**fields)
        deleted = subscription(URL)
        deleted.endpoints.update(**opened)
        type(deleted).objects.filter(id=deleted.id).update(deleted_at=now)

        samples = scrape()

        assert samples["webhooks_endpoints state=failing"] == 3
        assert samples["webhooks_endpoints state=open"] == 1
        assert samples["webhooks_endpoints state=disabled"] == 1

    def test_it_sums_the_attempts_of_this_hour_over_all_endpoints(self, scrape):
        hour = timezone.now().replace(minute=0, second=0, microsecond=0)
        for at, delivered in ((hour, 5), (hour, 7), (hour - timedelta(hours=1), 100)):
            made = subscription(URL)
            EndpointHour.objects.create(
                endpoint=made.endpoints.get(), partner=made.partner, hour=at,
                delivered=delivered, failed=1, ms_25=delivered, ms_more=1,
            )  # fmt: skip

        samples = scrape()

        assert samples["webhooks_attempts_total outcome=delivered"] == 12
        assert samples["webhooks_attempts_total outcome=failed"] == 2
        buckets = "webhooks_attempt_duration_seconds_bucket le="
        assert samples[f"{buckets}0.01"] == 0
        assert samples[f"{buckets}0.025"] == 12
        assert samples[f"{buckets}10.0"] == 12
        assert samples[f"{buckets}+Inf"] == 14

    def test_it_counts_workers_that_are_alive_and_mails_that_are_owed(self, scrape):
        heartbeat.beat(uuid4(), "local")
        now = timezone.now()
        Worker.objects.create(
            host="gone",
            pid=1,
            backend="local",
            started_at=now,
            seen_at=now - timedelta(minutes=1),
        )
        for fields in ({"due_at": now}, {"sent_at": now}, {}):
            Notice.objects.create(
                partner=factories.partner(), kind="endpoint.disabled",
                to="a@example.com", created_at=now, **fields,
            )  # fmt: skip

        samples = scrape()

        assert samples["webhooks_workers_alive"] == 1
        assert samples["webhooks_notices_owed"] == 1

    def test_it_counts_the_events_whose_deliveries_are_not_all_written(self, scrape):
        made = subscription(URL)
        for delivery, failures in zip(publish(made, 3), (0, 5), strict=False):
            PendingFanout.objects.create(
                event=delivery.event,
                partner=made.partner,
                subscriptions=made.id.bytes,
                failures=failures,
            )
        Event.objects.update(created_at=timezone.now() - timedelta(minutes=2))

        samples = scrape()

        assert samples["webhooks_fanouts_unfinished state=going_on"] == 1
        assert samples["webhooks_fanouts_unfinished state=stuck"] == 1
        assert 120 <= samples["webhooks_fanout_lag_seconds"] < 125

    def test_it_names_no_partner_and_no_url(self, client):
        made = subscription(URL, partner=factories.partner(name="Secretive Ltd"))
        publish(made, 2)

        text = client.get("/metrics").content.decode()

        assert 'lane="fresh"} 2.0' in text
        assert "Secretive" not in text
        assert "example.com" not in text
        assert str(made.partner_id) not in text

    def test_it_asks_the_same_whatever_there_is(self, scrape):
        scrape()
        with CaptureQueriesContext(connection) as empty:
            scrape()
        for _ in range(5):
            queued(URL, 2)

        with CaptureQueriesContext(connection) as full:
            scrape()

        assert len(full) == len(empty) == 7


class TestWhoMayRead:
    @pytest.fixture
    def token(self, settings) -> str:
        settings.METRICS_TOKEN = "a token of some length"
        return "a token of some length"

    @pytest.mark.django_db
    @pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
    def test_who_has_the_token_reads_from_anywhere(self, client, token, scheme):
        response = client.get(
            "/metrics",
            headers={"Authorization": f"{scheme} {token}"},
            REMOTE_ADDR="203.0.113.9",
        )
        assert response.status_code == 200
        assert response["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "no-store" in response["Cache-Control"]

    # Without the django_db mark, a test that asks the database fails.
    @pytest.mark.parametrize(
        "header",
        [None, "", "Bearer", "Bearer ", "Bearer x", "Basic {}", "Bearer {}x", "{}"],
    )
    def test_who_has_not_is_refused_from_loopback_too(self, client, token, header):
        headers = {} if header is None else {"Authorization": header.format(token)}

        response = client.get("/metrics", headers=headers, REMOTE_ADDR="127.0.0.1")

        assert response.status_code == 401
        assert response["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize("address", ["203.0.113.9", "10.0.0.1", "", "unix:"])
    def test_without_a_token_nobody_reads_from_elsewhere(self, client, address):
        response = client.get("/metrics", REMOTE_ADDR=address)

        assert response.status_code == 404
        assert response.content == b"There are no metrics without METRICS_TOKEN.\n"

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
    def test_without_a_token_nobody_reads_in_production(
        self, client, settings, address
    ):
        settings.DEVELOPMENT = False

        assert client.get("/metrics", REMOTE_ADDR=address).status_code == 404

    @pytest.mark.django_db
    def test_it_says_when_the_database_is_away_and_no_more(self, client, monkeypatch):
        def cursor():
            raise OperationalError("password of postgres@db is wrong")

        monkeypatch.setattr(connection, "cursor", cursor)

        response = client.get("/metrics")

        assert response.status_code == 503
        assert response.content == b"The database cannot be reached.\n"

    def test_it_is_only_read(self, client):
        assert client.post("/metrics").status_code == 405
