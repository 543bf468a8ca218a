from typing import Any

from tests.dialects.forms import URL
from tests.dialects.forms import Case as Base


class Case(Base):
    slug = "nursa"
    filled = {"url": URL, "events": ["facility.creation.accepted"]}
    create = ("POST", "/api/v2/public/webhooks/user")
    change = "PATCH"
    shows_secrets = True
    faults = (
        ("url", "http://receiver.example.com/"),
        ("url", ""),
        ("url", "https://10.0.0.1/"),
        ("events", []),
        ("events", ["nope"]),
        ("secrets", ["a", "b", "c"]),
    )

    def ask(self, caller: Any, row: Any) -> Any:
        return caller.send("PATCH", self.path(row), {"events": row.events})

    def errors(self, answer: Any) -> list[str]:
        return list(answer["message"])


CASE = Case()
