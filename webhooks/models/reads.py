"""The two statements of an authenticated GET of one object: its key, and the object.

They are written by hand, and prepared, because every request makes the one and most make
the other. What they return is what the ORM makes of the same rows.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from . import ids, parts, prepared
from .columns import Columns
from .partners import ApiKey, Partner
from .subscriptions import Subscription

_KEY, _PARTNER = Columns(ApiKey, "k"), Columns(Partner, "p")
KEY = (
    f"SELECT {_KEY.sql}, {_PARTNER.sql} "  # noqa: S608 - names of columns
    "FROM webhooks_apikey AS k LEFT JOIN webhooks_partner AS p ON p.id = k.partner_id "
    "WHERE k.prefix = %s"
)

_SUBSCRIPTION = Columns(Subscription, "webhooks_subscription")
SUBSCRIPTION = {
    vendor: (
        f"SELECT {_SUBSCRIPTION.sql}, {parts.ENDPOINT_URLS[vendor]}, "  # noqa: S608 - constants
        f"{parts.SEALED_SECRETS[vendor]} FROM webhooks_subscription "
        "WHERE partner_id = %s AND dialect = %s AND public_id = %s AND deleted_at IS NULL"
    )
    for vendor in parts.ENDPOINT_URLS
}


def key(prefix: str) -> ApiKey | None:
    """The key of that prefix, with its partner."""
    row = _row(KEY, [prefix])
    if row is None:
        return None
    found = _KEY.instance(row[: _KEY.count])
    if found.partner_id is not None:
        found.partner = _PARTNER.instance(row[_KEY.count :])
    return found


def subscription(
    partner: Partner,
    dialect: str,
    public_id: str,
    *,
    shops: Sequence[str],
    at: datetime,
) -> Subscription | None:
    """The live one that a dialect shows a partner under this id, a UUID in any case. With its
    endpoints, and the secrets that are live at `at`, as `whole` finds them. With shops, only
    of these."""
    if "\0" in public_id:
        return None  # PostgreSQL cannot compare it
    parsed = ids.parse(public_id)
    found = _subscription(partner, dialect, public_id, shops, at)
    # Partnero's callers choose ids of their own, in which the case counts.
    if found is None and parsed is not None and str(parsed) != public_id:
        found = _subscription(partner, dialect, str(parsed), shops, at)
    return found


def _subscription(
    partner: Partner,
    dialect: str,
    public_id: str,
    shops: Sequence[str],
    at: datetime,
) -> Subscription | None:
    database = connections[DEFAULT_DB_ALIAS]  # not what looks it up each time
    moment = database.ops.adapt_datetimefield_value(at)
    owner = partner._meta.pk.get_db_prep_value(partner.pk, database)
    row = _row(SUBSCRIPTION[database.vendor], [moment, owner, dialect, public_id])
    if row is None:
        return None
    found = _SUBSCRIPTION.instance(row[: _SUBSCRIPTION.count])
    if shops and found.shop_id not in shops:
        return None
    urls, secrets = row[_SUBSCRIPTION.count :]
    found.endpoint_urls, found.sealed_secrets = json.loads(urls), json.loads(secrets)
    return found


def _row(statement: str, values: Sequence[Any]) -> Sequence[Any] | None:
    with prepared.cursor() as cursor:
        cursor.execute(statement, values)
        row: Sequence[Any] | None = cursor.fetchone()
    return row
