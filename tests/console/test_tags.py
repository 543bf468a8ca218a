"""Times and badges."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from django.conf import settings

from webhooks.console import labels, tags, untrusted_text
from webhooks.delivery.attempt import ERROR
from webhooks.delivery.result import Outcome
from webhooks.models import (
    ApiKey,
    Delivery,
    Endpoint,
    Notice,
    Partner,
    Recovery,
    Subscription,
)


def test_a_time_is_utc_to_read_and_exact_on_hover() -> None:
    helsinki = timezone(timedelta(hours=2))
    moment = datetime(2026, 11, 21, 12, 34, 56, 789_000, tzinfo=helsinki)
    assert tags.moment(moment) == (
        '<time datetime="2026-11-21T10:34:56.789+00:00"'
        ' title="2026-11-21 10:34:56.789 UTC">2026-11-21 10:34:56 UTC</time>'
    )
    assert tags.moment(None) == "never"


def test_every_state_has_its_colour_and_every_outcome_its_words() -> None:
    for states in (
        Partner.State,
        Subscription.State,
        Endpoint.Health,
        Delivery.Status,
        Recovery.State,
        ApiKey.State,
        Notice.Status,
    ):
        assert set(states) == set(labels.COLOURS[states])
    assert set(labels.OUTCOMES) == {*Outcome, ERROR}
    assert labels.outcome("unheard_of") == "Unheard_of"


def test_a_badge_has_the_label_of_the_state() -> None:
    assert tags.state_badge(Endpoint.Health.NOT_CALLED) == (
        '<span class="badge ">Not called yet</span>'
    )
    assert "&lt;b&gt;" in tags.badge("<b>")


def test_states_of_one_name_have_each_its_own_colour() -> None:
    assert ApiKey.State.OFF.value == Subscription.State.OFF.value
    assert labels.colour(ApiKey.State.OFF) != labels.colour(Subscription.State.OFF)


def test_no_template_chooses_the_colour_of_a_state() -> None:
    """A badge of a literal text is no state, and no colour is written beside the tags."""
    names = {state.label.lower() for states in labels.COLOURS for state in states}
    names |= {"unmatched"}
    names -= {"done"}  # the first steps of the dashboard are no rows
    for path in sorted((settings.BASE_DIR / "templates").rglob("*.html")):
        text = path.read_text()
        assert 'class="badge' not in text, path
        badges = re.findall(r'{% badge "([^"]*)"', text)
        assert not names & {badge.lower() for badge in badges}, path


def test_an_action_reads_as_a_sentence() -> None:
    assert labels.action("event_type.created") == "Event type created"
    # As entries before 0.1.0 have it.
    assert labels.action("delivery.hastened") == "Delivery sent now"


@pytest.mark.parametrize(
    ("value", "says"), [(0, "0 ms"), (999, "999 ms"), (1500, "1.5 s")]
)
def test_a_duration_is_read_at_a_glance(value, says) -> None:
    assert tags.milliseconds(value) == says


def test_json_that_is_none_is_shown_as_it_is() -> None:
    assert untrusted_text.indented(b"{broken") == "{broken"
    assert untrusted_text.indented(b'{"a":1}') == '{\n  "a": 1\n}'
    assert untrusted_text.of_bytes(b"a\r\nb\rc\xff") == "a\nb\\u000dc\ufffd"
