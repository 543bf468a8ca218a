"""A key that is bound to a shop, at every documented path of every interface.

The interfaces come from their registry, the requests from their OpenAPI documents, the
objects from the interfaces themselves. So an interface that is added is tested here, too,
or fails here if no request of its document reaches its objects.

Each request is first made with a key of the whole company, which shows that it can do
harm. The bound key must be answered as if what is of other shops did not exist.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.utils import timezone

from tests import factories
from tests.described import Operation, Request, operations, requests
from webhooks import dialects
from webhooks.delivery import wire
from webhooks.models import (
    ApiKey,
    AuditEntry,
    Delivery,
    Endpoint,
    Event,
    Partner,
    Recovery,
    SigningSecret,
    Subscription,
)
from webhooks.operations import events, recoveries
from webhooks.operations.audit import SYSTEM
from webhooks.rest import interfaces

pytestmark = pytest.mark.django_db

FOREIGN = "foreign.example.com"
TYPE = "order.created"
SLUGS = [interface.slug for interface in interfaces.all()]
# The portal's own API reaches what belongs to another interface, too.
PAIRS = [*zip(SLUGS, SLUGS, strict=True), ("portal", dialects.SLUGS[0])]


@dataclass(frozen=True)
class World:
    """Some subscriptions of a partner's in a dialect, with their deliveries and secrets."""

    dialect: str
    partner: Partner
    keys: tuple[UUID, ...] = ()
    subscriptions: tuple[UUID, ...] = ()

    def rows(self) -> list[Any]:
        its = {"subscription__in": self.subscriptions}
        filters = {
            "filter__subscription__in": [str(id) for id in self.subscriptions],
            "partner": self.partner,
        }
        return [
            *Recovery.objects.filter(**filters),
            *Delivery.objects.filter(**its),
            *Event.objects.filter(deliveries__subscription__in=self.subscriptions),
            *SigningSecret.objects.filter(**its),
            *Endpoint.objects.filter(**its),
            *Subscription.objects.filter(id__in=self.subscriptions),
            *ApiKey.objects.filter(id__in=self.keys),
        ]

    def stored(self) -> list[dict[str, Any]]:
        return [
            {n: v for n, v in vars(row).items() if n not in ("_state", "last_used_at")}
            for row in self.rows()
        ]

    def ids(self, operation: Operation) -> list[str]:
        """Whatever a path could name, once each. A query or a body names subscriptions,
        or, in a world without any, keys."""
        rows = self.rows()
        shown = [row.public_id for row in rows if isinstance(row, Subscription)]
        if shown and not operation.parameters:
            return shown
        return list(dict.fromkeys([*(str(row.pk) for row in rows), *shown]))

    def erase(self) -> None:
        for row in self.rows():
            if isinstance(row, Recovery):
                Delivery.objects.filter(recovery=row).delete()
            row.delete()

    def requests(self, operation: Operation) -> Iterator[Request]:
        return requests(
            operation,
            ids=self.ids(operation),
            partner_id=str(self.partner.id),
            dialect=self.dialect,
        )


@pytest.fixture
def subscribe(client):
    """Makes a subscription with a key, by whichever request of its interface does."""

    def made(slug: str, partner: Partner, key: ApiKey, text: str) -> Subscription:
        own = World(slug, partner, keys=(key.id,))
        before = set(Subscription.objects.values_list("id", flat=True))
        for operation in operations(slug):
            for request in () if operation.is_read else own.requests(operation):
                with transaction.atomic():
                    response = request.send(client, text)
                    new = Subscription.objects.exclude(id__in=before).first()
                    if new is not None and response.status_code < 300:
                        return new
                    transaction.set_rollback(True)
        raise AssertionError(f"No request of the document of {slug} subscribes.")

    return made


@pytest.fixture
def theirs(subscribe):
    """What is the whole company's and what is of shop s2, and a key of the company."""

    def built(slug: str) -> tuple[World, str]:
        partner, keys, made = factories.partner(), [], []
        for scopes in ([], ["shop:s2"]):
            keys.append(factories.key(partner, scopes=scopes))
            made.append(subscribe(slug, partner, *keys[-1]))
            hear_all(made[-1])
            made[-1].endpoints.update(url=f"https://{FOREIGN}/{len(made)}")
        publish(partner, profile_of(slug))
        Delivery.objects.update(
            state="exhausted", due_at=None, settled_at=timezone.now()
        )
        for subscription in made:
            recoveries.start(
                by=SYSTEM,
                partner=partner,
                filter=recoveries.Filter(
                    outcomes=[recoveries.Outcome.EXHAUSTED],
                    since=timezone.now() - timedelta(hours=1),
                    subscription=subscription,
                ),
            )
        world = World(
            slug,
            partner,
            keys=tuple(key.id for key, _ in keys),
            subscriptions=tuple(subscription.id for subscription in made),
        )
        return world, keys[0][1]

    return built


def profile_of(slug: str) -> wire.WireProfile:
    interface = interfaces.get(slug)
    assert interface is not None
    return interface.profile


def hear_all(subscription: Subscription) -> None:
    names = profile_of(subscription.dialect).event_names.values()
    Subscription.objects.filter(id=subscription.id).update(
        events=[*names, TYPE], is_active=True
    )


def publish(partner: Partner, profile: wire.WireProfile, **attributes: str) -> None:
    events.publish(
        by=SYSTEM,
        partner=partner,
        type=next(iter(profile.event_names), TYPE),
        data={"at": FOREIGN},
        attributes=attributes,
    )


def everything() -> list[Any]:
    models = (Subscription, Endpoint, SigningSecret, Delivery, Recovery)
    keys = ApiKey.objects.order_by("pk").values("id", "expires_at", "revoked_at")
    rows = [list(m.objects.order_by("pk").values()) for m in models]
    return [*rows, list(keys), AuditEntry.objects.count()]


@pytest.mark.parametrize(("api", "dialect"), PAIRS)
def test_what_is_of_another_shop_does_not_exist_for_it(client, theirs, api, dialect):
    world, free = theirs(dialect)
    _, bound = factories.key(world.partner, scopes=["shop:s1"])
    # The API shows it, and it would be written meanwhile.
    ApiKey.objects.update(last_used_at=timezone.now() + timedelta(days=1))
    before, stored = everything(), world.stored()

    def can_harm(request: Request) -> bool:
        if request.path in statuses.get(404, ()):
            return False
        with transaction.atomic():
            response = request.send(client, free)
            is_done = response.status_code < 300
            has_acted = is_done and (
                request.operation.is_read or everything() != before
            )
            transaction.set_rollback(True)
        statuses.setdefault(response.status_code, set()).add(request.path)
        return has_acted

    for operation in operations(api):
        statuses: dict[int, set[str]] = {}
        harmful = [
            request for request in world.requests(operation) if can_harm(request)
        ]
        is_publishers = statuses.keys() == {403}
        if operation.parameters and api == dialect and not is_publishers:
            assert harmful, f"Nothing reaches {operation.method} {operation.path}."
        for request in harmful:
            with transaction.atomic():
                world.erase()
                without = request.send(client, bound)
                transaction.set_rollback(True)
            with transaction.atomic():
                response = request.send(client, bound)
                assert world.stored() == stored, request
                transaction.set_rollback(True)
            assert FOREIGN not in response.content.decode(), request
            # Who gives a new object an id learns whether it is taken.
            is_taken = not operation.parameters and 400 <= response.status_code < 500
            assert is_taken or response.status_code == without.status_code, request
            if operation.is_read:
                assert response.content == without.content, request


@pytest.mark.parametrize("slug", SLUGS)
def test_what_it_makes_receives_the_events_of_its_shop_alone(subscribe, slug):
    partner = factories.partner()
    made = subscribe(slug, partner, *factories.key(partner, scopes=["shop:s1"]))
    hear_all(made)
    publish(partner, profile_of(slug), shop_id="s2")
    assert not Delivery.objects.exists()
    publish(partner, profile_of(slug), shop_id="s1")
    assert Delivery.objects.filter(subscription=made).exists()


@pytest.mark.parametrize("slug", SLUGS)
def test_what_a_key_of_several_shops_makes_is_of_the_first(subscribe, slug):
    partner = factories.partner()
    key = factories.key(partner, scopes=["shop:s1", "shop:s2"])
    assert subscribe(slug, partner, *key).shop_id == "s1"


@pytest.mark.parametrize("slug", SLUGS)
def test_it_may_name_no_other_shop(client, subscribe, slug):
    """Wherever a body can say which shop."""
    partner = factories.partner()
    key, bound = factories.key(partner, scopes=["shop:s1"])
    made = subscribe(slug, partner, key, bound)
    own = World(slug, partner, keys=(key.id,), subscriptions=(made.id,))
    before = everything()
    for operation in operations(slug):
        for request in own.requests(operation):
            for name in request.body or ():
                if "shop" in name.lower():
                    request.body[name] = "s2"
                    assert 400 <= request.send(client, bound).status_code < 500
    assert everything() == before
