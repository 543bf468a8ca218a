"""The API preview: the very body that the partner gets from its dialect, indented."""

from dataclasses import dataclass
from datetime import datetime

from webhooks.console import untrusted_text
from webhooks.models import Subscription, encryption
from webhooks.rest import interfaces, preview

UNREADABLE = (
    "A secret of it cannot be decrypted, so its dialect can answer nothing: the key that "
    "encrypted it is no longer among ENCRYPTION_KEYS."
)


@dataclass(frozen=True)
class ApiPreview:
    """The request, and the answer in lines of its own."""

    request: str
    json: str
    masked: bool  # whether secrets that the dialect answers in plain are not shown
    remark: str  # what else is to be known; may be empty


def of(subscription: Subscription, *, now: datetime) -> ApiPreview | None:
    """None for what its dialect shows to nobody: a deleted one, or one of a dialect that
    is no longer served."""
    dialect = interfaces.get(subscription.dialect)
    if dialect is None or subscription.deleted_at is not None:
        return None
    form = dialect.form
    request = form.request.format(row=subscription)
    try:
        body = preview.body(form, subscription)
    except encryption.Undecryptable:
        return ApiPreview(request, "", masked=False, remark=UNREADABLE)
    return ApiPreview(
        request,
        untrusted_text.indented(body),
        masked=preview.MASK in body.decode(),
        remark=form.remark,
    )
