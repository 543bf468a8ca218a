"""Default descriptions and examples of event types.

They are written into the database once, where staff may change them. A type that a wire
profile names and this list does not gets an empty description.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Entry:
    description: str
    example: Mapping[str, Any] = field(default_factory=dict)


UNDESCRIBED = Entry("")

_CUSTOMER = {
    "id": "cus_1042",
    "email": "ada@example.com",
    "name": "Ada",
    "surname": "Lovelace",
}
_ORDER = {"id": "ord_7001", "status": "placed", "total": "59.90", "currency": "EUR"}
_MEMBER = {"id": "mem_310", "email": "ada@example.com", "level": "gold"}
_PRODUCT = {"id": "prod_88", "name": "Blue Dream 3.5 g", "price": "34.00"}
_TRANSACTION = {
    "id": "txn_5518",
    "amount": "99.00",
    "currency": "EUR",
    "customer": {"id": "cus_1042"},
}
_PARTNER = {"id": "par_21", "email": "grace@example.com", "name": "Grace Hopper"}
_LEAD = {"id": "lead_64", "email": "alan@example.com", "partner": {"id": "par_21"}}
_SUBSCRIBER = {"id": "sub_17", "email": "ada@example.com", "referrals": 3}
_REWARD = {"id": "rew_9", "amount": "10.00", "currency": "EUR"}
_CHECKOUT = {"id": "chk_2c1", "amount": 12900, "currency": "EUR"}
_PAYMENT = {"id": "pay_77f", "amount": 12900, "currency": "EUR"}
_CONNECTION = {"facilityId": "NUR-123456", "userId": "usr_5a"}
_KYC = {"externalUserId": "user-1042", "firstName": "Ada", "lastName": "Lovelace"}
_RAMP = {
    "externalUserId": "user-1042",
    "transactionId": "7f9c24e8",
    "blockchain": "POL",
    "cryptoCurrency": "USDC",
    "fiatCurrency": "MXN",
    "fiatAmount": "1000.00",
    "cryptoAmount": "53.20",
    "exchangeRate": "18.80",
}

_ENDPOINT = {
    "subscription": {"id": "7d0e1f5c", "dialect": "blaze", "name": ""},
    "endpoint": {
        "id": "0b9f8a2e-6f0e-4a53-9d0c-3a1f6f7a1c11",
        "url": "https://receiver.example.com/hook",
    },
    "failing_since": "2026-11-16T08:00:00Z",
    "failures": 41,
    "last_status": 500,
    "last_error": "The endpoint answered with status 500.",
}
_EXHAUSTED = {
    "count": 1,
    "deliveries": [
        {
            "id": "019aa5d2-7c1e-7b3a-8f00-5d1c2b3a4e5f",
            "event_id": "019aa5d2-7c1d-7e21-9c44-0a1b2c3d4e5f",
            "event_type": "order.created",
        }
    ],
}

ENTRIES: Mapping[str, Entry] = {
    "checkout.completed": Entry("A checkout was completed.", _CHECKOUT),
    "checkout.failed": Entry("A checkout failed.", _CHECKOUT),
    "cross_ramp.created": Entry("An exchange of two currencies began.", _RAMP),
    "customer.created": Entry("A customer signed up.", _CUSTOMER),
    "customer.credited": Entry("A customer was credited.", _CUSTOMER),
    "customer.deleted": Entry("A customer was deleted.", _CUSTOMER),
    "customer.rewarded": Entry("A customer earned a reward.", _CUSTOMER),
    "customer.updated": Entry("A customer's data changed.", _CUSTOMER),
    # The portal's own: see operations.endpoint_notifications.
    "endpoint.disabled": Entry(
        "An endpoint is called no more.",
        _ENDPOINT | {"reason": "Every attempt failed for 5 days."},
    ),
    "endpoint.exhausted": Entry(
        "Deliveries to an endpoint have used up their retries.", _ENDPOINT | _EXHAUSTED
    ),
    "endpoint.failing": Entry("The attempts at an endpoint fail.", _ENDPOINT),
    "endpoint.recovered": Entry(
        "An endpoint that failed answers again.",
        _ENDPOINT | {"failures": 0, "last_status": 200, "last_error": None},
    ),
    "facility.creation.accepted": Entry(
        "A facility was accepted.", {"facilityId": "NUR-123456"}
    ),
    "facility.creation.rejected": Entry(
        "A facility was rejected.", {"facilityName": "Lakeside Care"}
    ),
    "facility.user_connection.accepted": Entry(
        "A user was connected to a facility.", _CONNECTION
    ),
    "facility.user_connection.rejected": Entry(
        "A user's connection to a facility was rejected.", _CONNECTION
    ),
    "kyc.created": Entry("A check of a user's identity began.", _KYC),
    "kyc.rejected": Entry("A user's identity was rejected.", _KYC),
    "kyc.review_needed": Entry("A user's identity needs a person's review.", _KYC),
    "kyc.verified": Entry("A user's identity was verified.", _KYC),
    "lead.converted": Entry("A lead became a customer.", _LEAD),
    "lead.rejected": Entry("A lead was rejected.", _LEAD),
    "lead.submitted": Entry("A lead was submitted.", _LEAD),
    "member.created": Entry("A member joined.", _MEMBER),
    "member.updated": Entry("A member's data changed.", _MEMBER),
    "off_ramp.completed": Entry("A sale of crypto was completed.", _RAMP),
    "off_ramp.created": Entry("A sale of crypto began.", _RAMP),
    "off_ramp.crypto_received": Entry("The crypto of a sale arrived.", _RAMP),
    "on_ramp.cancelled": Entry("A purchase of crypto was cancelled.", _RAMP),
    "on_ramp.completed": Entry("A purchase of crypto was completed.", _RAMP),
    "on_ramp.created": Entry("A purchase of crypto began.", _RAMP),
    "on_ramp.fiat_received": Entry("The money for a purchase arrived.", _RAMP),
    "order.created": Entry("An order was placed.", _ORDER),
    "order.updated": Entry("An order changed.", _ORDER),
    "partner.approved": Entry("A referral partner was approved.", _PARTNER),
    "partner.archived": Entry("A referral partner was archived.", _PARTNER),
    "partner.created": Entry("A referral partner signed up.", _PARTNER),
    "partner.deleted": Entry("A referral partner was deleted.", _PARTNER),
    "partner.rejected": Entry("A referral partner was rejected.", _PARTNER),
    "partner.updated": Entry("A referral partner's data changed.", _PARTNER),
    "payment.failed": Entry("A payment failed.", _PAYMENT),
    "payment.succeeded": Entry("A payment succeeded.", _PAYMENT),
    "product.updated": Entry("A product changed.", _PRODUCT),
    "reward.approved": Entry("A reward was approved.", _REWARD),
    "reward.created": Entry("A reward was created.", _REWARD),
    "reward.paid": Entry("A reward was paid out.", _REWARD),
    "subscriber.created": Entry("Somebody joined a waiting list.", _SUBSCRIBER),
    "subscriber.deleted": Entry("Somebody left a waiting list.", _SUBSCRIBER),
    "subscriber.rewarded": Entry("A subscriber earned a reward.", _SUBSCRIBER),
    "subscriber.updated": Entry("A subscriber's data changed.", _SUBSCRIBER),
    "subscription.cancelled": Entry(
        "A paid subscription was cancelled.", {"id": "sub_4e2", "plan": "monthly"}
    ),
    "transaction.cancelled": Entry("A transaction was cancelled.", _TRANSACTION),
    "transaction.completed": Entry("A transaction was completed.", _TRANSACTION),
    "transaction.created": Entry("A transaction began.", _TRANSACTION),
    "transaction.deleted": Entry("A transaction was deleted.", _TRANSACTION),
    "transaction.updated": Entry("A transaction changed.", _TRANSACTION),
}
