"""What the pictures are taken of can be made, and every page of the console shows it."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from webhooks.models import Delivery, EndpointHour, Partner

from . import month


@pytest.mark.django_db
def test_a_month_is_shown(templates_of_others) -> None:
    made = month.make(timezone.now())
    assert EndpointHour.objects.count() == len(month.ACCOUNTS) * month.DAYS * 24
    assert Partner.objects.count() == len(month.ACCOUNTS)
    assert set(Delivery.objects.values_list("state", flat=True)) == {
        "delivered",
        "exhausted",
        "pending",
    }
    client = Client()
    client.force_login(
        User.objects.create_superuser("mia"),
        "django.contrib.auth.backends.ModelBackend",
    )
    for path, says in (
        ("", "1 subscription is failing"),
        (f"partners/{made.failing.partner_id}/", "Quayside Records"),
        (f"subscriptions/{made.failing.pk}/", "Failing"),
        (f"deliveries/{made.exhausted.pk}/", "after 4 attempts"),
        ("recoveries/", "412 of 412"),
    ):
        answer = client.get(f"/staff/{path}")
        assert answer.status_code == 200
        assert says in answer.content.decode()
