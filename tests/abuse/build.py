"""What an abuse soak begins with: a healthy partner, an abusive one, and their keys."""

from django.core.management import call_command

from webhooks.delivery import standard
from webhooks.models import Partner
from webhooks.operations import event_types, keys, partners, subscriptions
from webhooks.operations.audit import SYSTEM

from .hostile_receiver import BEHAVIOURS
from .scene import EXPENSIVE, Scene


def build(receiver: str, hostile: str) -> Scene:
    """In an empty database; each URL is what stands before the path."""
    call_command("migrate", verbosity=0)
    healthy = partners.create(by=SYSTEM, name="Healthy")
    abuser = partners.create(by=SYSTEM, name="Abusive")
    _, healthy_key = keys.issue(by=SYSTEM, partner=healthy)
    row, abuser_key = keys.issue(by=SYSTEM, partner=abuser)
    _, publisher_key = keys.issue(by=SYSTEM, partner=None)
    _subscribe(healthy, "standard", [f"{receiver}/healthy"])
    hook = subscriptions.create(
        by=SYSTEM,
        identity=subscriptions.SubscriptionIdentity(
            partner=healthy, dialect="blaze", profile="blaze"
        ),
        events=["NEW_CONSUMER_SIGNUP"],
        urls=["https://receiver.example.com/signups"],
    )
    for name in BEHAVIOURS:
        _subscribe(abuser, name, [f"{hostile}/{name}"])
    event_types.create(
        by=SYSTEM,
        name=EXPENSIVE,
        schema={
            "type": "object",
            "properties": {"items": {"type": "array", "uniqueItems": True}},
        },
    )
    return Scene(
        healthy=str(healthy.id),
        healthy_key=healthy_key,
        hook=hook.public_id,
        abuser=str(abuser.id),
        abuser_key=abuser_key,
        abuser_key_id=str(row.id),
        publisher_key=publisher_key,
    )


def _subscribe(partner: Partner, name: str, urls: list[str]) -> None:
    subscriptions.create(
        by=SYSTEM,
        identity=subscriptions.SubscriptionIdentity(
            partner=partner, dialect="portal", profile=standard.NAME
        ),
        name=name,
        urls=urls,
        secrets=[standard.new_secret()],
    )
