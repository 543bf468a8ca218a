from tests.dialects.forms import URL
from tests.dialects.forms import Case as Base


class Case(Base):
    slug = "partnero"
    filled = {"name": "Ours", "url": URL, "events": ["partner.created"]}
    create = ("POST", "/v1/webhooks")
    shows_secrets = True
    faults = (
        ("name", ""),
        ("name", "x" * 256),
        ("url", ""),
        ("url", "nonsense"),
        ("url", "https://10.0.0.1/"),
        ("events", []),
        ("events", ["partner.created", "order_placed"]),
        ("key", "no key!"),
        ("key", "x" * 65),
    )


CASE = Case()
