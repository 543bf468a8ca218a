import pytest
from django.core.management import CommandError, call_command

from tests import factories
from webhooks.models import Answer, AuditEntry, SigningSecret, encryption
from webhooks.operations import idempotency, reencryption
from webhooks.operations.audit import SYSTEM

pytestmark = pytest.mark.django_db

OLD = {"old": b"A" * 32}
NEW = {"new": b"B" * 32}
OTHER = {"other": b"C" * 32}


@pytest.fixture
def secrets(settings) -> list[SigningSecret]:
    """Five secrets under the old key, which is then the second."""
    settings.ENCRYPTION_KEYS = OLD
    for number in range(5):
        factories.subscription(
            factories.partner(), "partnero", secrets=[f"secret-{number}"]
        )
    settings.ENCRYPTION_KEYS = NEW | OLD
    return list(SigningSecret.objects.order_by("id"))


def key_names() -> list[str]:
    rows = SigningSecret.objects.order_by("id")
    return [encryption.key_name(secret.value) for secret in rows]


def test_it_moves_every_secret_to_the_first_key(secrets, capsys):
    plain = [secret.reveal() for secret in secrets]

    call_command("rotate_encryption")

    out = capsys.readouterr().out
    assert out == "5 secrets re-encrypted.\n"
    assert key_names() == ["new"] * 5
    assert [s.reveal() for s in SigningSecret.objects.order_by("id")] == plain
    entry = AuditEntry.objects.get(action="secrets.reencrypted")
    assert (entry.target_id, entry.after) == ("new", {"count": 5})


def test_a_second_run_has_nothing_to_do(secrets, capsys):
    call_command("rotate_encryption")
    before = list(SigningSecret.objects.order_by("id").values_list("value", flat=True))

    call_command("rotate_encryption")

    assert capsys.readouterr().out.endswith("\n0 secrets re-encrypted.\n")
    after = list(SigningSecret.objects.order_by("id").values_list("value", flat=True))
    assert after == before


def test_it_goes_on_where_it_was_cut_short(secrets):
    first = reencryption.next_batch(of=SigningSecret, by=SYSTEM, size=2)
    assert key_names() == ["new"] * 2 + ["old"] * 3
    assert (first.moved, first.last) == (2, secrets[1].id)

    second = reencryption.next_batch(
        of=SigningSecret, by=SYSTEM, after=first.last, size=2
    )
    assert (second.moved, second.last) == (2, secrets[3].id)
    call_command("rotate_encryption")

    assert key_names() == ["new"] * 5


def test_it_leaves_and_counts_what_no_key_decrypts(secrets, settings, capsys):
    settings.ENCRYPTION_KEYS = OTHER
    factories.subscription(factories.partner(), "partnero", secrets=["kept"])
    settings.ENCRYPTION_KEYS = NEW | OLD

    with pytest.raises(CommandError, match="1 secrets are under no configured key"):
        call_command("rotate_encryption")

    assert capsys.readouterr().out == "5 secrets re-encrypted.\n"
    assert key_names() == ["new"] * 5 + ["other"]


def test_it_does_not_undo_what_another_process_wrote_meanwhile(secrets, monkeypatch):
    theirs = secrets[0]

    def seal(self, plaintext):
        if self.id == theirs.id:  # another process is a moment faster
            theirs.value = encryption.encrypt("newer", row=theirs._row)
            SigningSecret.objects.filter(id=theirs.id).update(value=theirs.value)
        self.value = encryption.encrypt(plaintext, row=self._row)

    monkeypatch.setattr(SigningSecret, "seal", seal)

    batch = reencryption.next_batch(of=SigningSecret, by=SYSTEM)

    assert batch.moved == 4
    assert SigningSecret.objects.get(id=theirs.id).reveal() == "newer"


def test_it_moves_answers_too(settings, capsys):
    settings.ENCRYPTION_KEYS = OLD
    partner = factories.partner()
    asked = {"partner": partner, "key": "k", "fingerprint": "f"}
    idempotency.once(**asked, do=lambda: "whk_shown_once")
    settings.ENCRYPTION_KEYS = NEW | OLD

    call_command("rotate_encryption")

    assert capsys.readouterr().out == "1 secrets re-encrypted.\n"
    settings.ENCRYPTION_KEYS = NEW
    assert idempotency.once(**asked, do=lambda: "again").text == "whk_shown_once"
    assert encryption.key_name(Answer.objects.get().sealed) == "new"
