"""Subscriptions: the list."""

from typing import Any

from django.db.models import Prefetch

from webhooks.console import paging
from webhooks.models import Endpoint, Subscription
from webhooks.staff.pages import List

from . import standing
from .forms import SubscriptionFilters


class Subscriptions(List):
    permission = "webhooks.view_subscription"
    title = "Subscriptions"
    template = "staff/subscriptions/list.html"
    filters = SubscriptionFilters
    keyset = paging.Keyset("updated_at", "id")

    def rows(self) -> Any:
        live = Prefetch("endpoints", Endpoint.objects.live(), to_attr="live_endpoints")
        return (
            Subscription.objects.select_related("partner")
            .prefetch_related(live)
            .defer("extras", "events")
        )

    def more(self, listed: paging.Listed) -> dict[str, Any]:
        return {
            "subscriptions": [
                (row, standing.STATES[standing.state(row, row.live_endpoints)])
                for row in listed.rows
            ]
        }
