"""The addresses of all interfaces: the order of their registry decides nothing."""

import random
import sys
from types import ModuleType
from typing import Any

import pytest
from django.core.checks import run_checks
from django.urls import URLPattern, path, resolve

from webhooks.rest import interfaces, routing
from webhooks.rest.forms import SubscriptionForm
from webhooks.rest.interfaces import Interface
from webhooks.rest.view import ApiView, Unrouted


class Own(ApiView):
    def look(self, request: Any, **path: str) -> Any: ...


def view() -> Any:
    return Own.as_view({"get": "look"})


@pytest.fixture
def registered(monkeypatch, settings):
    """Registers interfaces made of these urls, for one test."""
    monkeypatch.setattr(interfaces, "_interfaces", dict(interfaces._interfaces))

    def register(slug: str, prefix: str, *documented: URLPattern) -> Interface:
        urls: Any = ModuleType(f"tests.{slug}.urls")
        urls.PREFIX, urls.documented = prefix, documented
        urls.aliases, urls.Unrouted = routing.with_slash(documented), Unrouted
        forms: Any = ModuleType(f"tests.{slug}.forms")
        forms.Form = SubscriptionForm
        monkeypatch.setitem(sys.modules, f"tests.{slug}.urls", urls)
        monkeypatch.setitem(sys.modules, f"tests.{slug}.forms", forms)
        interface = Interface(slug, slug.title(), f"tests.{slug}", wire="")
        interfaces.register(interface)
        return interface

    def served(order: Any = sorted) -> None:
        root: Any = ModuleType("tests.root")
        root.urlpatterns = routing.urlpatterns(
            order(interfaces.all(), key=lambda each: each.slug)
        )
        monkeypatch.setitem(sys.modules, "tests.root", root)
        settings.ROOT_URLCONF = "tests.root"

    register.served = served
    return register


def errors() -> list[str]:
    return [f"{e.id}: {e.msg}" for e in run_checks(tags=["urls"])]


def shuffled(found: Any, key: Any) -> Any:
    found = list(found)
    random.shuffle(found)
    return found


@pytest.mark.parametrize("order", [sorted, shuffled, lambda found, key: found[::-1]])
def test_two_interfaces_under_one_prefix_are_each_reached(registered, order):
    short, long, plain = view(), view(), view()
    registered("a", "v9", path("v9/things/<str:id>", short))
    registered("z", "v9/things/longer", path("v9/things/longer", long))
    registered("m", "v9/things", path("v9/things/plain", plain))
    registered.served(order)

    assert errors() == []
    assert resolve("/v9/things/1").func is short
    assert resolve("/v9/things/longer/").func is long
    assert resolve("/v9/things/plain").func is plain
    for address, slug in [("/v9/x", "a"), ("/v9/things/longer/x", "z")]:
        found = resolve(address)
        assert found.func.cls is Unrouted
        assert interfaces.get(slug).prefix in address
    for address in ("/v1/webhooks", "/api/portal/v1/recoveries/preview"):
        assert not issubclass(resolve(address).func.cls, Unrouted)


def test_a_documented_path_that_another_interface_answers_is_an_error(registered):
    registered("mine", "mine", path("v1/webhooks", view()))
    registered.served()

    (error,) = errors()
    assert error.startswith("webhooks.E001: ")
    assert "documents v1/webhooks" in error


def test_a_documented_path_that_leads_nowhere_is_an_error(registered):
    registered.served()
    registered("late", "late", path("late/<str:id>", view()))

    (error,) = errors()
    assert error.startswith("webhooks.E001: Late documents late/<str:id>")


def test_two_interfaces_with_one_prefix_are_an_error(registered):
    registered("a", "V1", path("v1/other", view()))
    registered.served()

    (error,) = errors()
    assert error == "webhooks.E002: A and Partnero have the same PREFIX, v1."


def test_the_check_loads_the_form_of_each_interface(registered, monkeypatch):
    registered("late", "v8")
    registered.served()
    monkeypatch.delitem(sys.modules, "tests.late.forms")
    with pytest.raises(ModuleNotFoundError):
        errors()
