"""The WSGI application that `manage.py serve` runs."""

import io
import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

# One byte more than any interface reads (a batch of events is the longest), so that what
# is too long still looks too long.
MAX_CHUNKED = 8 * 1024 * 1024 + 1

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def measured(application: Application) -> Application:
    """Gives a chunked body the length that Django asks for.

    Django takes a request without Content-Length for one without a body, and many
    clients that stream send none. Only what a server marks as ending by itself
    (`wsgi.input_terminated`) is read; from another server a read would never return.
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
