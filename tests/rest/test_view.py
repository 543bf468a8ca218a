"""The view below every interface: its guards that no documented request reaches."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from tests import factories
from webhooks.operations import keys, subscriptions
from webhooks.operations.audit import Actor
from webhooks.rest import view
from webhooks.rest.caller import Caller, KeyAuthentication

pytestmark = pytest.mark.django_db


class Asked:
    method = "GET"

    def __init__(self, user):
        self.user = user


def test_it_scopes_nothing_to_a_caller_without_a_partner():
    key, _ = factories.key(None)
    called = view.ApiView()
    called.request = Asked(Caller(partner=None, key=key, actor=Actor.of_key(key)))
    with pytest.raises(keys.WrongKind):
        _ = called.partner


def test_an_interface_that_lacks_an_answer_does_not_start():
    with pytest.raises(ImproperlyConfigured, match=r"tests.* no answer to NotFound\."):

        class Incomplete(view.ApiView):
            refusals = {
                kind: lambda *_: Response()
                for kind in view.REFUSED
                if kind is not view.NotFound
            }


@pytest.mark.parametrize(
    ("raised", "told_as"),
    [
        (keys.Malformed(), keys.Refused),
        (subscriptions.Deleted(), view.NotFound),
        (exceptions.PermissionDenied(), keys.ScopeMissing),
        (view.MethodNotAllowed("PUT", ["GET"]), view.MethodNotAllowed),
        (ValueError(), Exception),
    ],
)
def test_the_row_of_the_nearest_class_answers(raised, told_as, rf):
    class Told(view.ApiView):
        refusals = {kind: lambda *_, kind=kind: Response(kind) for kind in view.REFUSED}

    called = Told()
    called.request = Request(rf.get("/"))
    assert called.handle_exception(raised).data is told_as


def test_an_interface_must_say_where_its_key_stands():
    with pytest.raises(NotImplementedError):
        KeyAuthentication().authenticate(Asked(None))
