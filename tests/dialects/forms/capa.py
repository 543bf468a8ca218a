from typing import Any

from tests.dialects.forms import LONG, URL
from tests.dialects.forms import Case as Base


class Case(Base):
    slug = "capa"
    filled = {"url": URL}
    create = ("PUT", "/api/partner/v1/webhook-settings")
    faults = (
        ("url", "ftp://receiver.example.com/"),
        ("url", "nonsense"),
        ("url", "https://169.254.169.254/"),
        ("url", LONG),
    )

    def ask(self, caller: Any, row: Any) -> Any:
        url = next(iter(row.urls), None)
        return caller.send("PUT", self.path(row), {"url": url, **row.extras})

    def errors(self, answer: Any) -> list[str]:
        return list(answer["errors"])


CASE = Case()
