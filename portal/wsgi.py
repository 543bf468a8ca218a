"""The WSGI application that `manage.py serve` runs."""

import io
import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

# One byte more than any interface reads (a batch of events is the longest body), so that a
# body that is too long is still seen as too long.
MAX_CHUNKED = 8 * 1024 * 1024 + 1

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def measured(application: Application) -> Application:
    """Gives Django the length of a chunked body.

    Django treats a request without Content-Length as one without a body, and many clients
    that stream send none. A body is read only if the server says that its stream ends
    (`wsgi.input_terminated`); otherwise the read might never return.
    """

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if (
            "HTTP_TRANSFER_ENCODING" in environ
            and not environ.get("CONTENT_LENGTH")
            and environ.get("wsgi.input_terminated")
        ):
            body = environ["wsgi.input"].read(MAX_CHUNKED)
            environ["CONTENT_LENGTH"] = str(len(body))
            environ["wsgi.input"] = io.BytesIO(body)
        return application(environ, start_response)

    return wrapped


application = measured(get_wsgi_application())
