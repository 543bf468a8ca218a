"""Secrets at rest: bound to their row, and never garbage."""

import pytest

from webhooks.models import encryption

ONE = {"one": b"1" * 32}
TWO = {"two": b"2" * 32}


def test_it_gives_back_what_it_was_given(settings):
    settings.ENCRYPTION_KEYS = ONE
    stored = encryption.encrypt("s3crét", row="a:1")
    assert "s3cr" not in stored
    assert encryption.decrypt(stored, row="a:1") == "s3crét"


def test_it_never_writes_the_same_text_twice():
    assert encryption.encrypt("s", row="a:1") != encryption.encrypt("s", row="a:1")


def test_it_does_not_decrypt_a_value_moved_to_another_row():
    stored = encryption.encrypt("s", row="a:1")
    with pytest.raises(encryption.Undecryptable, match="altered"):
        encryption.decrypt(stored, row="a:2")


def test_it_encrypts_with_the_first_key_and_decrypts_with_all(settings):
    settings.ENCRYPTION_KEYS = ONE
    old = encryption.encrypt("s", row="a:1")
    settings.ENCRYPTION_KEYS = TWO | ONE
    assert encryption.decrypt(old, row="a:1") == "s"
    assert encryption.key_name(encryption.encrypt("s", row="a:1")) == "two"


def test_it_raises_when_the_key_is_gone(settings):
    settings.ENCRYPTION_KEYS = ONE
    stored = encryption.encrypt("s", row="a:1")
    settings.ENCRYPTION_KEYS = TWO
    with pytest.raises(encryption.Undecryptable, match="lacks the key 'one'"):
        encryption.decrypt(stored, row="a:1")


@pytest.mark.parametrize("stored", ["tests:", "tests:!!!", "tests:AAAA", "", "tests"])
def test_it_raises_for_what_it_never_wrote(stored):
    with pytest.raises(encryption.Undecryptable):
        encryption.decrypt(stored, row="a:1")
