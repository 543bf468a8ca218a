"""The stored data: fields, constraints and reads, the same for every caller."""

from .audit import AuditEntry
from .deliveries import Attempt, Delivery, EndpointHour
from .endpoints import Endpoint
from .events import Event, EventType
from .fanouts import PendingFanout as PendingFanout  # as with answers
from .notices import Notice
from .partners import ApiKey, Partner
from .people import Authenticator as Authenticator  # as with answers
from .people import RecoveryCode as RecoveryCode
from .recoveries import Recovery
from .sessions import InitialPassword as InitialPassword
from .sessions import StaffSession as StaffSession
from .stored_answers import Answer as Answer  # nobody looks at these: not in __all__
from .subscriptions import SigningSecret, Subscription
from .workers import Worker

__all__ = [
    "ApiKey",
    "Attempt",
    "AuditEntry",
    "Delivery",
    "Endpoint",
    "EndpointHour",
    "Event",
    "EventType",
    "Notice",
    "Partner",
    "Recovery",
    "SigningSecret",
    "Subscription",
    "Worker",
]
