"""What a partner's caller may see: the partner's own, and of the caller's shops only.

Another partner's object is answered exactly as one that does not exist.
"""

from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request

from webhooks.models import Delivery, Recovery, Subscription, ids
from webhooks.models.subscriptions import SubscriptionQuerySet
from webhooks.rest import endpoint

from .endpoints import PartnerEndpoint

DIALECT = "portal"


class Scoped(PartnerEndpoint):
    def subscriptions(self, dialect: str = DIALECT) -> SubscriptionQuerySet:
        return self.caller.access.subscriptions(dialect)

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
        return self.caller.access.deliveries()

    def recoveries(self) -> QuerySet[Recovery]:
        """The latest first."""
        return self.caller.access.recoveries()


def known(id: str) -> UUID:
    """Raises NotFound for what is no id."""
    found = ids.parse(id)
    if found is None:
        raise endpoint.NotFound
    return found
