"""The key of an authenticator as an app takes it: a picture to scan, a link, a text to type."""

from dataclasses import dataclass
from urllib.parse import quote, urlencode

import segno

ISSUER = "Webhook Portal"


@dataclass(frozen=True)
class Picture:
    """A QR code: the path of its dark squares, in a square of `size` units a side."""

    size: int
    path: str


def link(key: str, *, user: str, host: str) -> str:
    """The address that authenticator apps open, with the name that they show."""
    label = quote(f"{ISSUER}:{user}@{host}")
    return f"otpauth://totp/{label}?" + urlencode(
        {"secret": key, "issuer": ISSUER}, quote_via=quote
    )


def picture(text: str) -> Picture:
    code = segno.make(text, error="m", micro=False)
    dark = (
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(code.matrix_iter(border=4))
        for x, is_dark in enumerate(row)
        if is_dark
    )
    return Picture(size=int(code.symbol_size(border=4)[0]), path="".join(dark))


def grouped(key: str) -> str:
    return " ".join(key[i : i + 4] for i in range(0, len(key), 4))
