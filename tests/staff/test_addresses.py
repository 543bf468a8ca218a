"""Former addresses of the console: a bookmark leads to the page that is there now."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from webhooks.staff.urls import MOVED


@pytest.mark.parametrize(("former", "page"), MOVED.items())
def test_a_former_address_leads_to_its_page(console: Client, former, page) -> None:
    id = uuid.uuid4()
    address = "/staff/" + former.replace("<uuid:id>", str(id))
    response = console.get(f"{address}?a=b")
    assert response.status_code == 301
    arguments = {"id": id} if "<uuid:id>" in former else {}
    assert response["Location"] == reverse(f"staff:{page}", kwargs=arguments) + "?a=b"


@pytest.mark.parametrize(
    ("former", "now"), [("nobody", "no"), ("somebody", "yes"), ("other", "")]
)
def test_a_former_filter_leads_to_its_list(console: Client, former, now) -> None:
    response = console.get(f"/staff/events/?told={former}&within=24h")
    assert response.status_code == 301
    assert response["Location"] == f"/staff/events/?within=24h&matched={now}"
