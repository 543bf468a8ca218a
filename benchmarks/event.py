"""The event that the benchmarks publish."""

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
