"""The second factor, asked for by several browsers of one owner at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connections, transaction

from tests.waiting import PATIENCE
from webhooks.models import Authenticator, RecoveryCode
from webhooks.operations import secondfactor
from webhooks.operations.audit import SYSTEM

AT_ONCE = 4
ROUNDS = 6


def set_up(user: User) -> list[str]:
    """Its recovery codes."""
    Authenticator.objects.all().delete()
    secondfactor.begin(user=user)
    Authenticator.objects.update(confirmed=True)
    with transaction.atomic():
        return secondfactor._new_codes(user)


@pytest.mark.django_db(transaction=True)
def test_new_recovery_codes_void_the_old_however_many_ask_at_once() -> None:
    user = User.objects.create_user("ann", is_staff=True)
    start = Barrier(AT_ONCE)

    def renew(code: str) -> None:
        try:
            start.wait(timeout=PATIENCE)
            # Another may have voided the code.
            with suppress(secondfactor.WrongCode, secondfactor.TooManyTries):
                secondfactor.renew_codes(by=SYSTEM, user=user, code=code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(ROUNDS):
            list(pool.map(renew, set_up(user)[:AT_ONCE]))
            assert RecoveryCode.objects.count() == secondfactor.CODES
