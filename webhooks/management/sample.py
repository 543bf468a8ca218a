"""A partner to try the portal with: a key and a subscription for each dialect.

Keys are stored as digests, so nothing could print a sample key a second time. In
development they are therefore also kept in a file beside the database that only its owner
can read; in production there is no sample.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from webhooks import dialects
from webhooks.delivery.wire import WireProfile
from webhooks.models import ApiKey, Partner, Subscription
from webhooks.operations import keys, partners, subscriptions
from webhooks.operations.audit import SYSTEM
from webhooks.rest.interfaces import Interface

PARTNER = "Sample partner"
PUBLISHER = "publisher"
EVENT_TYPE = "customer.created"


class NotInProduction(Exception):
    """Sample keys lie readable in a file, which production must not have."""


@dataclass(frozen=True)
class Account:
    """What `up` needs to print: texts of keys, and a subscription, per dialect."""

    partner: Partner
    keys: dict[str, str]  # by dialect, and PUBLISHER
    subscriptions: dict[str, Subscription]  # by dialect


def ensure(*, receiver: str) -> Account:
    """The sample, with what is missing of it made; `receiver` is a URL without a path.

    What a person has changed since stays, except that subscriptions to the receiver
    follow it to another port. Raises NotInProduction.
    """
    if not settings.DEVELOPMENT:
        raise NotInProduction
    path = key_file()
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    former = kept.get("receiver", receiver)
    partner = Partner.objects.filter(name=PARTNER).first() or partners.create(
        by=SYSTEM, name=PARTNER
    )
    texts: dict[str, str] = {}
    found: dict[str, Subscription] = {}
    publisher_text, _ = _key(None, PUBLISHER, kept)
    texts[PUBLISHER] = publisher_text
    for dialect in dialects.DIALECTS:
        texts[dialect.slug], key = _key(partner, dialect.slug, kept)
        found[dialect.slug] = _subscription(
            partner, dialect, key, receiver=receiver, former=former
        )
    _write(path, {**texts, "receiver": receiver})
    return Account(partner=partner, keys=texts, subscriptions=found)


def key_file() -> Path:
    """Beside the database it belongs to; for a database server, in var/."""
    database = settings.DATABASES["default"]
    name = Path(str(database["NAME"]))
    folder = name.parent
    if database["ENGINE"] != "django.db.backends.sqlite3":
        folder = Path(settings.BASE_DIR) / "var"
    return folder / f"{name.stem}.sample-keys.json"


def _key(
    partner: Partner | None, name: str, kept: dict[str, str]
) -> tuple[str, ApiKey]:
    """The kept key where it still opens, else a new one in place of the former."""
    kind = ApiKey.Kind.PARTNER if partner else ApiKey.Kind.PUBLISHER
    try:
        key = keys.authenticate(kept.get(name), kind=kind)
    except keys.Refused:
        pass
    else:
        if key.partner == partner:
            return kept[name], key
    label = f"Sample: {name}"
    for former in ApiKey.objects.filter(partner=partner, name=label).usable_at(
        timezone.now()
    ):
        keys.revoke(by=SYSTEM, key=former)
    key, text = keys.issue(by=SYSTEM, partner=partner, name=label)
    return text, key


def _subscription(
    partner: Partner,
    dialect: Interface,
    key: ApiKey,
    *,
    receiver: str,
    former: str,
) -> Subscription:
    identity = dialect.form.view.identity(partner, {"api_key": key})
    existing = Subscription.objects.of(partner, dialect.slug).order_by("created_at")
    if identity.api_key is not None:
        existing = existing.filter(api_key=key)
    subscription = existing.first()
    if subscription is None:
        return subscriptions.create(
            by=SYSTEM,
            identity=identity,
            name=f"Sample {dialect.title} subscription",
            urls=[f"{receiver}/{dialect.slug}"],
            events=events_of(dialect.profile),
        )
    urls = subscription.urls
    moved = [
        receiver + url.removeprefix(former) if url.startswith(f"{former}/") else url
        for url in urls
    ]
    if moved != urls:
        subscriptions.update(
            by=SYSTEM, subscription=subscription, change={"urls": moved}
        )
    return subscription


def events_of(profile: WireProfile) -> list[str] | None:
    """Every event, as the profile says it: None where naming no event means that, or its
    word for all, or else all their names."""
    names = list(profile.event_names.values())
    if profile.null_is_every:
        return None
    if profile.every_event:
        return [profile.every_event]
    return [*names, EVENT_TYPE] if profile.passes_unknown else names


def _write(path: Path, content: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(json.dumps(content, indent=2) + "\n")
