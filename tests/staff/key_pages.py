"""Where the pages on keys are, and how a partner is switched off."""

from datetime import timedelta

from webhooks.models import ApiKey, Partner
from webhooks.operations import partners
from webhooks.operations.audit import SYSTEM

KEYS = "/staff/keys/"
ISSUE = "/staff/keys/issue/"
DAY = timedelta(days=1)


def page(of: ApiKey, act: str = "") -> str:
    return f"{KEYS}{of.pk}/{act and act + '/'}"


def switch_off(partner: Partner) -> None:
    partners.update(by=SYSTEM, partner=partner, is_active=False)
