"""What becomes of numbers between whoever publishes them and whoever receives them."""

import json

import pytest

from tests import factories
from tests.delivery.settlements import claimed
from tests.operations.outcomes import hook, publish
from webhooks.delivery.attempt import compose
from webhooks.rest import parsing

pytestmark = pytest.mark.django_db(transaction=True)


def sent(text: str) -> str:
    """The number as it stands in the body that is signed and sent."""
    partner = factories.partner()
    hook(partner, secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    publish(partner, data=parsing.loads(f'{{"n":{text}}}'.encode()))
    (job,) = claimed()
    body = compose(job, timestamp=0).body
    found: str = json.loads(body, parse_int=str, parse_float=str)["data"]["n"]
    return found


@pytest.mark.parametrize(
    "integer", [0, -1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63)]
)
def test_integers_of_64_bits_arrive_digit_by_digit(integer):
    assert sent(str(integer)) == str(integer)


@pytest.mark.parametrize("integer", [2**64 + 1, -(2**63) - 1, 12345678901234567890123])
def test_greater_ones_arrive_as_the_nearest_float(integer):
    assert float(sent(str(integer))) == float(integer)
    assert sent(str(integer)) != str(integer), "say so in docs/api.md"


@pytest.mark.parametrize("text", ["1.10", "0.1", "1e40", "-2.5e-7", "1e19"])
def test_fractions_arrive_as_the_float_they_are(text):
    assert float(sent(text)) == float(text)
