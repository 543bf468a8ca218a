"""What the reads by hand return is what the ORM returns of the same rows."""

import random
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, models
from django.utils import timezone

from tests import factories
from webhooks.models import (
    ApiKey,
    Endpoint,
    Partner,
    SigningSecret,
    Subscription,
    reads,
)

pytestmark = pytest.mark.django_db

NOW = timezone.now()
TEXTS = ["", "a", "it's \"%s\" \\ 'ü' 🦉 {}", "x" * 200]
EXTRAS = [
    {},
    {"n": 12345678901234567890, "e": None, "nested": [{"ü": "\u2028"}, 1.5]},
    {"exact": 0.1, "small": 5e-324, "list": [True, "\\ud83e"]},
]
IDS = [
    str(uuid.UUID(int=10)),
    str(uuid.UUID(int=0xABCDEF)),
    str(uuid.UUID(int=0xABCDEF)).upper(),
    "own-key",
    "Own-Key",
    "it's",
]


def stored(row: models.Model) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if name != "_state"}


def some_subscriptions(dice: random.Random) -> list[Partner]:
    """Of every kind: with and without endpoints, secrets, shops; and deleted ones."""
    partners = [factories.partner() for _ in range(3)]
    for partner in partners:
        for public_id in dice.sample(IDS, 4):
            for is_deleted in dice.choice([[True], [False], [True, False]]):
                subscription = Subscription.objects.create(
                    partner=partner,
                    dialect="partnero",
                    profile="partnero",
                    public_id=public_id,
                    name=dice.choice(TEXTS),
                    shop_id=dice.choice(["", "one", "two"]),
                    events=dice.choice([None, [], ["a", "b"], ["ü"]]),
                    is_active=dice.random() < 0.5,
                    max_in_flight=dice.choice([None, 3]),
                    created_at=NOW - timedelta(microseconds=dice.randrange(10**12)),
                    updated_at=NOW,
                    deleted_at=NOW if is_deleted else None,
                    extras=dice.choice(EXTRAS),
                )
                some_parts(subscription, dice)
    return partners


def some_parts(subscription: Subscription, dice: random.Random) -> None:
    positions = dice.sample(range(9), dice.randrange(4))
    Endpoint.objects.bulk_create(
        Endpoint(
            subscription=subscription,
            url=f"https://{position}.example.com/?q=%s'\"",
            position=position,
            created_at=NOW,
            removed_at=dice.choice([None, None, NOW]),
        )
        for position in positions
    )
    SigningSecret.objects.bulk_create(
        SigningSecret(
            subscription=subscription,
            value=f"k1:{number}",
            created_at=NOW - timedelta(hours=dice.randrange(1, 9)),
            expires_at=dice.choice([None, NOW, NOW + timedelta(microseconds=1)]),
        )
        for number in range(dice.randrange(4))
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_subscription(seed):
    dice = random.Random(seed)
    found = 0
    for partner in some_subscriptions(dice):
        for dialect in ("partnero", "blaze"):
            for shops in ((), ("one",), ("two", "three")):
                for public_id in [*IDS, IDS[0].upper(), "none", "", "\0", "%s"]:
                    rows = Subscription.objects.of(partner, dialect).within(shops)
                    expected = rows.whole(at=NOW).with_public_id(public_id).first()
                    read = reads.subscription(
                        partner, dialect, public_id, shops=shops, at=NOW
                    )
                    assert (read is None) == (expected is None)
                    if read is not None and expected is not None:
                        found += 1
                        assert stored(read) == stored(expected)
                        assert read._state.db == expected._state.db
                        assert not read._state.adding
    assert found > 10


def test_a_key():
    partner = factories.partner(contact_email="a@example.com")
    Partner.objects.filter(id=partner.id).update(limits={"keys": 3})
    inactive = factories.partner(is_active=False)
    for of in (partner, inactive, None):
        for fields in (
            {},
            {"name": "it's", "expires_at": NOW},
            {"scopes": ["shop:ü", "webhooks:read"] if of else ["events:publish"]},
        ):
            key, _ = factories.key(of, **fields)
            ApiKey.objects.filter(id=key.id).update(last_used_at=NOW)
            expected = ApiKey.objects.select_related("partner").get(id=key.id)
            read = reads.key(key.prefix)
            assert read is not None
            owners = [each.partner for each in (read, expected)]
            owner, expected_owner = (each and stored(each) for each in owners)
            assert owner == expected_owner
            for each in (read, expected):
                each._state.fields_cache.clear()
            assert stored(read) == stored(expected)
    assert reads.key("none") is None


@pytest.mark.postgresql("SQLite's planner knows no values")
def test_both_find_their_rows_by_an_index_whatever_the_plan():
    partner = factories.unlimited(factories.partner())
    key, _ = factories.key(partner)
    ApiKey.objects.bulk_create(
        ApiKey(
            partner=partner,
            prefix=f"{number:010}",
            digest=key.digest,
            pepper=key.pepper,
            created_at=NOW,
        )
        for number in range(2000)
    )
    Subscription.objects.bulk_create(
        Subscription(
            partner=partner,
            dialect="blaze",
            public_id=str(number),
            created_at=NOW,
            updated_at=NOW,
        )
        for number in range(2000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE webhooks_apikey, webhooks_subscription")
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        for name, statement, values in (
            ("key", reads.KEY, [key.prefix]),
            (
                "subscription",
                reads.SUBSCRIPTION["postgresql"],
                [NOW, partner.id, "blaze", "5"],
            ),
        ):
            for number in range(len(values)):
                statement = statement.replace("%s", f"${number + 1}", 1)
            cursor.execute(f"PREPARE any_{name} AS {statement}")
            places = ", ".join(["%s"] * len(values))
            cursor.execute(f"EXPLAIN EXECUTE any_{name} ({places})", values)
            plan = "\n".join(line for (line,) in cursor.fetchall())
            cursor.execute(f"DEALLOCATE any_{name}")
            assert f"${len(values)}" in plan
            assert "Seq Scan on webhooks_apikey" not in plan
            assert "Seq Scan on webhooks_subscription" not in plan
