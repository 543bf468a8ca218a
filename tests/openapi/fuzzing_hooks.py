"""What schemathesis cannot know of the portal; schemathesis.toml loads it."""

import os
from typing import Any

import schemathesis
from hypothesis import strategies as st

# Which hosts may be called is decided by the egress policy, which no schema describes.
schemathesis.openapi.format(
    "uri",
    st.from_regex(
        r"https://[a-z0-9]{1,20}\.example\.com(/[a-z0-9]{1,9})?", fullmatch=True
    ),
)


@schemathesis.hook
def filter_path_parameters(context: Any, path_parameters: Any) -> bool:
    """Spares the calling key: once it is revoked, every other answer is a 401."""
    return os.environ["CALLING_KEY"] not in (path_parameters or {}).values()
