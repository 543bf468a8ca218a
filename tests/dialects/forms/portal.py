from typing import Any

from tests.dialects.forms import LONG, URL
from tests.dialects.forms import Case as Base


class Case(Base):
    slug = "portal"
    filled = {"url": URL, "events": ["order.created"], "name": "Ours"}
    create = ("POST", "/api/portal/v1/subscriptions")
    change = "PATCH"
    faults = (
        ("url", ""),
        ("url", "nonsense"),
        ("url", LONG),
        ("url", "https://10.0.0.1/"),
        ("events", ["order.created", "no name!"]),
        ("name", "x" * 256),
        ("shop_id", "x" * 256),
    )

    def errors(self, answer: Any) -> list[str]:
        return [error["detail"] for error in answer["errors"]]


CASE = Case()
