"""What a partner's caller may see: the partner's own, and of the caller's shops only.

Another partner's object is answered exactly as one that does not exist.
"""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import exceptions
from rest_framework.request import Request

from webhooks.models import Delivery, Recovery, Subscription, ids
from webhooks.models.subscriptions import SubscriptionQuerySet
from webhooks.rest import endpoint

from .endpoints import PartnerEndpoint

DIALECT = "portal"

_FOREIGN_SHOP = "The key is bound to other shops."


class Scoped(PartnerEndpoint):
    def subscriptions(self, dialect: str = DIALECT) -> SubscriptionQuerySet:
        rows = Subscription.objects.of(self.partner, dialect)
        shops = self.caller.shops
        return rows.filter(shop_id__in=shops) if shops else rows

    def visible(self, at: datetime) -> SubscriptionQuerySet:
        """Those made here, with endpoints and secrets."""
        return self.subscriptions().whole(at=at)

    def subscription(self, request: Request, id: str) -> Subscription:
        """The one of that id, in the dialect that the query names; raises NotFound."""
        dialect = request.query_params.get("dialect", DIALECT)
        row = None
        if "\0" not in dialect:
            row = self.subscriptions(dialect).with_public_id(id).first()
        if row is None:
            raise endpoint.NotFound
        return row

    def deliveries(self) -> QuerySet[Delivery]:
        """Of every dialect, the latest first."""
        rows = Delivery.objects.filter(partner=self.partner).order_by("-id")
        shops = self.caller.shops
        return rows.filter(subscription__shop_id__in=shops) if shops else rows

    def recoveries(self) -> QuerySet[Recovery]:
        """The latest first."""
        rows = Recovery.objects.filter(partner=self.partner).order_by("-id")
        shops = self.caller.shops
        if not shops:
            return rows
        ids = Subscription.objects.filter(partner=self.partner, shop_id__in=shops)
        known = [str(id) for id in ids.values_list("id", flat=True)]
        return rows.filter(filter__subscription__in=known)

    def check_shop(self, shop_id: str) -> None:
        """Raises ValidationError for a shop that the caller is not bound to."""
        shops = self.caller.shops
        if shops and shop_id not in shops:
            raise exceptions.ValidationError({"shop_id": [_FOREIGN_SHOP]})


def known(id: str) -> UUID:
    """Raises NotFound for what is no id."""
    found = ids.parse(id)
    if found is None:
        raise endpoint.NotFound
    return found
