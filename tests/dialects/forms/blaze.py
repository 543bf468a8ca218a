from typing import Any

from tests.dialects.forms import OTHER, URL
from tests.dialects.forms import Case as Base


class Case(Base):
    slug = "blaze"
    filled = {"webHookUrls": [URL, OTHER], "webHookType": "NEW_MEMBER", "shopId": "7"}
    url = "webHookUrls"
    create = ("POST", "/api/v1/partner/webHooks")
    faults = (
        ("webHookUrls", [URL, "nonsense"]),
        ("webHookUrls", [URL, "https://10.0.0.1/"]),
        ("webHookUrls", [f"{URL}/{n}" for n in range(21)]),
        ("url", "nonsense"),
        ("webHookType", "TRANSACTION_UPDATE"),
        ("shopId", "x" * 256),
    )

    @property
    def edited(self) -> dict[str, Any]:
        return {"webHookUrls": [OTHER]}

    @property
    def forbidden_url(self) -> Any:
        return ["https://10.0.0.1/<script>"]

    def errors(self, answer: Any) -> list[str]:
        return [answer["message"]]


CASE = Case()
