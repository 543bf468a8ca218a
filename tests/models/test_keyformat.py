"""The form of a key, and what its digest depends on."""

import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.models import keyformat


def test_it_makes_keys_of_the_documented_form():
    new = keyformat.generate()
    assert re.fullmatch(r"whk_[0-9A-Za-z]{10}_[0-9A-Za-z]{38}", new.text)
    assert keyformat.lookup_of(new.text) == new.lookup


def test_it_never_makes_the_same_key_twice():
    assert len({keyformat.generate().text for _ in range(1000)}) == 1000


@given(position=st.integers(0, 52), character=st.sampled_from(keyformat.BASE62))
def test_it_refuses_a_key_with_one_character_changed(position, character):
    text = keyformat.generate().text
    changed = text[:position] + character + text[position + 1 :]
    assert (keyformat.lookup_of(changed) is None) == (changed != text)


@given(st.text())
def test_it_takes_no_other_text_for_a_key(text):
    assert keyformat.lookup_of(text) is None


def test_it_computes_the_checksum_by_crc32():
    body = "whk_0000000000_" + "0" * 32
    assert keyformat.lookup_of(body + _base62_crc32(body)) == "0" * 10


def _base62_crc32(body: str) -> str:
    value, text = zlib.crc32(body.encode()), ""
    while value:
        value, digit = divmod(value, 62)
        text = keyformat.BASE62[digit] + text
    return text.rjust(6, "0")


def test_it_digests_under_the_pepper_that_is_named(settings):
    settings.KEY_PEPPERS = {1: b"old"}
    under_old = keyformat.digest("whk_x", pepper=1)
    settings.KEY_PEPPERS = {2: b"new", 1: b"old"}
    assert keyformat.current_pepper() == 2
    assert keyformat.digest("whk_x", pepper=1) == under_old
    assert keyformat.digest("whk_x", pepper=2) != under_old


def test_it_digests_under_no_pepper_that_is_missing(settings):
    settings.KEY_PEPPERS = {2: b"new"}
    with pytest.raises(KeyError):
        keyformat.digest("whk_x", pepper=1)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{key}", True),
        ("Bearer {key}, and more", True),
        ("whk_{lookup}_s", True),
        ("whk_{lookup}_", False),
        ("whk_{lookup}", False),
        ("{lookup}", False),
        ("", False),
    ],
)
def test_it_finds_a_key_in_other_text_though_it_was_cut(text, found):
    new = keyformat.generate()
    text = text.format(key=new.text, lookup=new.lookup)
    assert keyformat.lookup_within(text) == (new.lookup if found else None)
