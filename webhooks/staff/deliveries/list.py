"""Deliveries: the list."""

from typing import Any

from webhooks.models import Delivery
from webhooks.staff.pages import List

from .forms import DeliveryFilters


class Deliveries(List):
    permission = "webhooks.view_delivery"
    title = "Deliveries"
    template = "staff/deliveries/list.html"
    filters = DeliveryFilters

    def rows(self) -> Any:
        return Delivery.objects.select_related("partner", "event").defer(
            "event__data", "event__attributes"
        )
