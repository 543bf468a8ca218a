"""What a browser complains about, or fetches from elsewhere, while a test looks at pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.waiting import PATIENCE

# Every breach of the policy becomes an error of the console, whatever its disposition.
_WATCH_POLICY = """
document.addEventListener("securitypolicyviolation", (event) => console.error(
  `CSP: ${event.violatedDirective} refused ${event.blockedURI} in ${event.sourceFile}`));
"""

# A form that was refused is shown again; to the browser any status but 2xx is an error.
_REFUSED_FORM = "the server responded with a status of 422 (Unprocessable Entity)"


@contextmanager
def watched(browser: Browser, url: str, *, size: tuple[int, int]) -> Iterator[Page]:
    """A page of a fresh profile at the site `url`. A complaint fails at the end."""
    width, height = size
    context = browser.new_context(
        base_url=url, viewport={"width": width, "height": height}
    )
    context.add_init_script(_WATCH_POLICY)
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    complaints: list[str] = []
    host = urlsplit(url).netloc

    def on_request(request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and address.netloc != host:
            complaints.append(f"left the host: {request.url}")

    context.on("request", on_request)
    page.on("pageerror", lambda error: complaints.append(f"page: {error}"))
    page.on(
        "console",
        lambda message: (
            complaints.append(f"console: {message.text} ({page.url})")
            if message.type in {"error", "warning"}
            and not message.text.endswith(_REFUSED_FORM)
            else None
        ),
    )
    yield page
    context.close()
    if complaints:
        pytest.fail("\n".join(complaints))
