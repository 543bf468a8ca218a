"""The event that the benchmarks publish."""

import json
import random
from typing import Any

TYPE = "order.created"
DATA = {
    "id": "ord_7001",
    "status": "placed",
    "customer": {"id": "cus_1042", "email": "ada@example.com", "name": "Ada Lovelace"},
    "lines": [
        {"sku": f"sku-{number:04}", "quantity": number, "price": "19.90"}
        for number in range(1, 6)
    ],
    "total": "298.50",
    "currency": "EUR",
}


def data(size: int) -> dict[str, Any]:
    """The same with a note, so that it has so many bytes as JSON; no shorter than DATA.

    The note is of digits, which a database cannot compress to nothing.
    """
    missing = size - len(json.dumps(DATA | {"note": ""}, separators=(",", ":")))
    if missing <= 0:
        return DATA
    return DATA | {"note": random.Random(0).randbytes(missing).hex()[:missing]}
