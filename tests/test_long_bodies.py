"""The longest bodies that an interface reads, made to be expensive: what they may cost."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dialects.forms import SLUGS, Caller, case
from webhooks.front.web_server import longest_body

SECONDS = 3.0  # of the processor; they took up to 21
ANSWER = 32 * 1024  # bytes; they were up to 16 million


def hostile(body: dict[str, Any], most: int) -> Iterator[dict[str, Any]]:
    """Each field as each kind of long list or object, as many fields that nobody knows, and
    fields with long names."""
    kinds: tuple[Any, ...] = (
        [[]] * (most // 4),
        [[]] * 9_900,
        ["http://a.b"] * 9_900,
        {str(number): [] for number in range(most // 16)},
    )
    for values in kinds:
        yield from ({**body, name: values} for name in body)
        yield {**body, "nobody": values}
    yield {**body, **{f"nobody {number}": 1 for number in range(most // 24)}}
    yield {**body, **{f"{number} {'n' * (most // 30)}": 1 for number in range(20)}}
    yield {**body, "n" * (most // 2): "\0"}
    yield {**body, "lines": [{"n" * (most // 2): {"\ud800": 1}}]}


@pytest.mark.django_db
@pytest.mark.parametrize("slug", SLUGS)
def test_no_body_takes_long_and_no_answer_is_long(slug):
    caller = Caller()
    of = case(slug)
    path = of.create_path(caller)
    most = (longest_body(path.encode()) or 0) - 2_000
    for body in hostile(of.body(caller, of.fill(caller)), most):
        before = time.thread_time()
        answer = caller.send(of.create[0], path, body)
        assert time.thread_time() - before < SECONDS
        assert answer.status_code < 500
        assert len(answer.content) < ANSWER
