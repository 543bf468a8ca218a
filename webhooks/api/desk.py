"""How staff see and change a subscription of the portal's own API."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from webhooks.delivery import standard
from webhooks.models import EventType, Partner, Subscription
from webhooks.rest import desks
from webhooks.rest.settings import Choice, Field, Kind

from .endpoints import Endpoint
from .serializers import subscriptions as serializers
from .views import subscriptions as views

EVERY_EVENT = "Every event, of types still to come, too"


class Desk(desks.Desk):
    renderer = Endpoint.renderer_classes[0]
    says = frozenset({"name", "is_active"})

    def request(self, subscription: Subscription) -> str:
        return f"GET /api/portal/v1/subscriptions/{subscription.public_id}"

    def settings(
        self, partner: Partner, subscription: Subscription | None
    ) -> Sequence[Field]:
        types = EventType.objects.order_by("name").values_list("name", "description")
        return [
            Field(
                name="url",
                label="URL",
                kind=Kind.URL,
                required=True,
                help="A subscription has one URL.",
            ),
            Field(name="name", label="Name", kind=Kind.TEXT, most=255),
            Field(
                name="events",
                label="Events",
                kind=Kind.EVENTS,
                choices=[Choice(name, name, says) for name, says in types],
                is_open=True,
                none_means=EVERY_EVENT,
                most=serializers.MAX_EVENTS,
                help="Chosen by name, with none chosen nothing is sent.",
            ),
            Field(
                name="shop_id",
                label="Shop id",
                kind=Kind.TEXT,
                most=255,
                help="Only events of this shop are sent; empty for every shop.",
            ),
            Field(name="is_active", label="Active", kind=Kind.FLAG),
        ]

    def stored(self, subscription: Subscription | None) -> dict[str, Any]:
        row = subscription or Subscription()
        return {
            "url": next(iter(row.urls), "") if subscription else "",
            "events": row.events,
            "name": row.name,
            "shop_id": row.shop_id,
            "is_active": row.is_active,
        }

    def new(
        self, partner: Partner, values: Mapping[str, Any], now: datetime
    ) -> desks.Wish:
        fields = views.read(serializers.NewSubscription, values)
        secrets = [standard.new_secret()]
        return desks.Wish(
            place=views.place(partner), fields={"secrets": secrets, **fields}
        )

    def changes(
        self, subscription: Subscription, given: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        return views.read(serializers.SubscriptionChanges, given)

    def answer(self, subscription: Subscription, now: datetime) -> Any:
        return serializers.portal_subscription(subscription)
