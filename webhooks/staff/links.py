"""Where a thing is shown that has no page of its own among these: its row in the admin."""

from typing import Any

from django.urls import reverse


def admin_row(row: Any) -> str:
    name = f"{row._meta.app_label}_{row._meta.model_name}"
    return reverse(f"admin:{name}_change", args=[row.pk])
