from typing import Any

from tests.dialects.forms import LONG, URL
from tests.dialects.forms import Case as Base


class Case(Base):
    slug = "topiic"
    filled = {"webhookUrl": URL, "webhookEvents": ["checkout.completed", "example"]}
    url = "webhookUrl"
    create = ("PUT", "/api/ApiKeys/{key}/webhook")
    faults = (
        ("webhookUrl", "nonsense"),
        ("webhookUrl", LONG),
        ("webhookUrl", "https://10.0.0.1/"),
        ("webhookUrl", "ftp://receiver.example.com/"),
    )

    def fill(self, caller: Any, **values: Any) -> dict[str, Any]:
        return {"key": str(caller.key.id), **super().fill(caller, **values)}

    def create_path(self, caller: Any) -> str:
        return self.create[1].format(key=caller.key.id)

    def body(self, caller: Any, values: Any) -> dict[str, Any]:
        ids = {"id": str(caller.key.id), "merchantId": str(caller.partner.id)}
        return {**values, **ids}

    def ask(self, caller: Any, row: Any) -> Any:
        body = {
            **row.extras,
            "id": str(row.api_key_id),
            "merchantId": str(caller.partner.id),
            "webhookUrl": next(iter(row.urls), None),
            "webhookEvents": row.events,
            "webhookEnabled": row.is_active,
        }
        return caller.send("PUT", self.path(row), body)


CASE = Case()
