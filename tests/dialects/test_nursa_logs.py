"""The log of what was sent to Nursa's user webhooks, as its page documents it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from tests import factories
from tests.dialects.calls import Call
from tests.dialects.test_nursa import (
    ACCEPTED,
    LOGS,
    SAMPLE,
    URL,
    USER,
    Nursa,
    bad_request,
)
from webhooks.models import Attempt, Delivery, Event
from webhooks.operations import subscriptions
from webhooks.operations.audit import SYSTEM


class TestNursaLogs(Nursa):
    """`GET …/logs`."""

    def write(self, partner, key):
        self.webhook = self.made(partner)
        return Call("PATCH", f"{USER}/{self.webhook.id}", {"events": [ACCEPTED]})

    def sent(self, *, webhook=None, age=timedelta(0), statuses=(200,), **fields):
        webhook = webhook or self.webhook
        now = timezone.now() - age
        event = Event.objects.create(
            partner=webhook.partner,
            type=fields.get("type", ACCEPTED),
            data=fields.get("data", {"facilityId": "NUR-123456"}),
            occurred_at=now,
            created_at=now,
            matched=1,
        )
        delivery = Delivery.objects.create(
            event=event,
            partner=webhook.partner,
            subscription=webhook,
            endpoint=webhook.endpoints.get(),
            url=URL,
            profile="nursa",
            state="delivered",
            created_at=now,
            settled_at=now,
        )
        for number, status in enumerate(statuses, start=1):
            Attempt.objects.create(
                delivery=delivery,
                number=number,
                started_at=now,
                duration_ms=5,
                outcome="answered",
                status=status,
                response_body=b"answer %d \xff" % number,
            )
        return delivery

    def logs(self, query: str = "", **options):
        response = self.send(Call("GET", f"{LOGS}?{query}"), **options)
        assert response.status_code == 201, response.content
        return response.json()["data"]

    def ids(self, query: str = "", **options):
        return [item["id"] for item in self.logs(query, **options)]

    def test_it_shows_the_first_attempt_and_each_later_one_as_a_retry(self):
        with time_machine.travel(datetime(2026, 11, 21, 2, tzinfo=UTC), tick=False):
            delivery = self.sent(statuses=(500, 200))
            retry = delivery.attempt_log.get(number=2)
            response = self.send(Call("GET", LOGS))
        request = {
            "facilityId": "NUR-123456",
            "eventType": ACCEPTED,
            "payload": {"data": {"facilityId": "NUR-123456"}, "eventType": ACCEPTED},
        }
        assert json.loads(response.content) == {
            "data": [
                {
                    "id": str(delivery.id),
                    **request,
                    "responseStatus": 500,
                    "responseBody": "answer 1 \N{REPLACEMENT CHARACTER}",
                    "url": URL,
                    "retries": [
                        {
                            "id": str(retry.id),
                            **request,
                            "responseStatus": 200,
                            "responseBody": "answer 2 \N{REPLACEMENT CHARACTER}",
                            "url": URL,
                        }
                    ],
                    "createdAt": "2026-11-21T02:00:00.000Z",
                }
            ]
        }

    def test_it_shows_what_was_not_attempted_yet_without_an_answer(self):
        self.sent(statuses=())
        [item] = self.logs()
        assert item["responseStatus"] is None
        assert item["responseBody"] is None
        assert item["retries"] == []

    def test_it_shows_events_in_the_vendor_s_words(self):
        self.sent(type="facility.user_connection.rejected", data=[1])
        [item] = self.logs()
        assert item["eventType"] == "facility.user-connection.rejected"
        assert item["facilityId"] is None
        assert item["payload"]["data"] == [1]

    def test_it_shows_nothing_of_another_partner_or_dialect(self):
        stranger = factories.partner()
        self.sent(webhook=self.made(stranger))
        other = factories.subscription(self.partner, "partnero", urls=[URL])
        self.sent(webhook=other)
        assert self.ids() == []

    def test_it_forgets_after_14_days(self):
        kept = self.sent(age=timedelta(days=13, hours=23))
        self.sent(age=timedelta(days=14, seconds=1))
        assert self.ids() == [str(kept.id)]

    def test_it_pages_newest_first(self):
        newest_first = [str(self.sent().id) for _ in range(12)][::-1]
        assert self.ids() == newest_first[:10]
        assert self.ids("limit=5&offset=10") == newest_first[10:]
        assert self.ids("limit=100") == newest_first
        assert self.ids("limit=0") == []
        assert self.ids("offset=12") == []
        assert self.ids("sortDirection=asc&limit=2") == newest_first[:-3:-1]
        assert self.ids("sortDirection=DESC&limit=1") == newest_first[:1]

    def test_it_refuses_a_query_of_too_many_parameters(self):
        response = self.send(Call("GET", f"{LOGS}?{'a&' * 1001}"))
        self.assert_error(response, "bad_request")

    def test_it_filters_by_event_facility_and_time(self):
        rejected = self.sent(
            type="facility.creation.rejected", data={"facilityName": "A"}
        )
        other = self.sent(data={"facilityId": "NUR-2"}, age=timedelta(days=2))
        accepted = self.sent()
        every = [str(accepted.id), str(other.id), str(rejected.id)]
        assert self.ids("eventType=all") == every
        assert self.ids("eventType=facility.creation.rejected") == [str(rejected.id)]
        assert self.ids("facilitiesIds=NUR-2&facilitiesIds=x") == [str(other.id)]
        assert self.ids("startDate=2000-01-01") == every  # a date alone is a moment too
        day = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        assert self.ids(f"endDate={day}") == [str(other.id)]
        assert self.ids(f"startDate={day}") == [str(accepted.id), str(rejected.id)]
        assert self.ids(f"startDate={day}&endDate={day}") == []

    @pytest.mark.parametrize(
        ("query", "messages"),
        [
            ("limit=101", ["limit must not be greater than 100"]),
            ("limit=-1", ["limit must not be less than 0"]),
            ("limit=x", ["limit must be an integer number"]),
            ("limit=" + "1" * 2000, ["limit must be an integer number"]),
            ("offset=-1", ["offset must not be less than 0"]),
            ("offset=2147483648", ["offset must not be greater than 2147483647"]),
            (
                "sortDirection=up",
                ["sortDirection must be one of the following values: ASC, DESC"],
            ),
            (
                "eventType=nope",
                [SAMPLE[4].replace("each value in events", "eventType")],
            ),
            # What no database could compare.
            (
                "facilitiesIds=NUR-1&facilitiesIds=%00",
                ["each value in facilitiesIds must be a string"],
            ),
            (
                "&".join(["facilitiesIds=x"] * 101),
                ["facilitiesIds must contain no more than 100 elements"],
            ),
            ("startDate=now", ["startDate must be a valid ISO 8601 date string"]),
            (
                "endDate=0001-01-01T00:00:00%2B23:59",
                ["endDate must be a valid ISO 8601 date string"],
            ),
            (
                "limit=x&offset=x",
                [
                    "limit must be an integer number",
                    "offset must be an integer number",
                ],
            ),
        ],
    )
    def test_it_refuses_a_query_in_the_framework_s_words(self, query, messages):
        response = self.send(Call("GET", f"{LOGS}?{query}"))
        assert response.status_code == 400
        assert response.json() == bad_request(messages)

    @pytest.mark.parametrize(
        "query", ["limit=", "sortDirection=", "eventType=", "endDate="]
    )
    def test_it_takes_an_empty_parameter_in_its_stride(self, query):
        self.assert_in_shape(self.send(Call("GET", f"{LOGS}?{query}")))

    def test_it_opens_to_a_key_that_may_only_read_and_to_no_stranger(self):
        _, text = factories.key(self.partner, scopes=["webhooks:read"])
        delivery = self.sent()
        assert self.ids(key=text) == [str(delivery.id)]
        _, write_only = factories.key(self.partner, scopes=["webhooks:write"])
        self.assert_error(self.send(Call("GET", LOGS), key=write_only), "forbidden")
        self.assert_error(Call("GET", LOGS).send(self.client), "key_missing")

    @pytest.mark.parametrize("deliveries", [1, 5])
    def test_it_reads_with_three_selects(self, django_assert_num_queries, deliveries):
        for _ in range(deliveries):
            self.sent(statuses=(500, 200))
        self.send(Call("GET", LOGS))  # notes the use of the key, once a minute
        with django_assert_num_queries(3):
            self.send(Call("GET", LOGS))

    def test_it_forgets_a_webhook_that_was_deleted(self):
        # [D] A partner sees through a dialect what stands there now.
        self.sent()
        subscriptions.delete(by=SYSTEM, subscription=self.webhook)
        assert self.ids() == []
