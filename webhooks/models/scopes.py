"""Whether a key has scopes within given ones, asked of the database: however many keys there are,
none is read for it."""

import json
from collections.abc import Collection

from django.db import models
from django.db.models.expressions import RawSQL

# Of no scopes the answer is no.
_WITHIN = {
    "postgresql": """(
        SELECT COALESCE(bool_and(value = ANY(%s)), false)
        FROM jsonb_array_elements_text(webhooks_apikey.scopes) AS own (value)
        WHERE starts_with(value, %s) = %s
    )""",
    "sqlite": """(
        SELECT COALESCE(MIN(value IN (SELECT value FROM json_each(%s))), 0)
        FROM json_each(webhooks_apikey.scopes)
        WHERE (substr(value, 1, length(%s)) = %s) = %s
    )""",
}


def within(
    granted: Collection[str], *, prefix: str, begins: bool, vendor: str
) -> RawSQL:
    """For a query over keys: whether those of its scopes that begin with `prefix`, or that do
    not, are some of `granted`, and no other."""
    given = [*granted]
    params = (
        (given, prefix, begins)
        if vendor == "postgresql"
        else (json.dumps(given), prefix, prefix, begins)
    )
    return RawSQL(_WITHIN[vendor], params, output_field=models.BooleanField())  # noqa: S611 - no text of a caller is part of it
