"""Where a recovery is asked for, and one that was started."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from webhooks.models import Partner, Recovery
from webhooks.operations import recoveries
from webhooks.operations.audit import SYSTEM
from webhooks.operations.recoveries import Filter, Outcome

NEW = "/staff/recoveries/new/"


def asked(partner: Partner, **fields: Any) -> dict[str, Any]:
    """What the form sends for a preview."""
    return {
        "partner": str(partner.id),
        "outcomes": ["exhausted"],
        "period": "24h",
        "bytes": "same",
        "preview": "1",
        **fields,
    }


def started(partner: Partner, *outcomes: str, **fields: Any) -> Recovery:
    fields.setdefault("since", timezone.now() - timedelta(days=1))
    given = Filter(outcomes=[Outcome(o) for o in outcomes or ("exhausted",)], **fields)
    return recoveries.start(by=SYSTEM, partner=partner, filter=given)


def advance() -> None:
    recoveries.advance()


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())
