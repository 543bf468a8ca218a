"""Ids that sort by time, and ranges of them."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from webhooks.models import ids


def test_an_id_lies_within_the_range_of_its_time():
    now = datetime.now(UTC)
    made = ids.time_ordered()
    assert ids.before(now) < made < ids.after(now + timedelta(milliseconds=1))
    assert (
        ids.after(now - timedelta(hours=2))
        < made
        < ids.before(now + timedelta(hours=2))
    )


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_ranges_are_in_the_order_of_time_whatever_the_year(one, two):
    first, last = sorted([one, two])
    assert ids.before(first) <= ids.before(last) <= ids.after(last)
    assert ids.after(first) <= ids.after(last)


@given(st.uuids())
def test_it_reads_an_id_in_any_case(id):
    text = str(id)
    assert ids.parse(text) == ids.parse(text.upper()) == ids.parse(text.title()) == id


@given(st.uuids())
def test_it_reads_an_id_in_its_usual_form_only(id):
    text = str(id)
    for other in (
        id.hex,
        f"{{{text}}}",
        f"urn:uuid:{text}",
        f" {text}",
        f"{text}\n",
        text.replace("-", ""),
        text[:-1],
        f"{text}0",
        "",
        f"{text[:-1]}\u0661",  # a digit to int()
    ):
        assert ids.parse(other) is None
