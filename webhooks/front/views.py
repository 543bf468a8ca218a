"""The first page and the API documents. They need no login."""

from pathlib import Path
from typing import Any

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularRedocView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from . import documents

_REDOC_SCRIPT = "drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js"
_REDOC_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    return render(request, "front/landing.html", {"documents": _listed()})


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "front/documents.html", {"documents": _listed()})


@require_safe
@cache_control(max_age=300, public=True)
def document(request: HttpRequest, slug: str) -> HttpResponse:
    _title(slug)
    # RFC 9512 registered the media type; a browser shows it instead of saving it.
    return HttpResponse(
        documents.yaml(slug),
        content_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": f'inline; filename="{slug}.yaml"'},
    )


# Both viewers write inline styles. Neither shows text from outside.
@method_decorator(csp_update({"style-src": [UNSAFE_INLINE]}), name="dispatch")
class Swagger(SpectacularSwaggerSplitView):
    """Swagger UI, with its script in a separate file, as the content policy requires."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.title = _title(kwargs["slug"])
        self.url = reverse("front:document", args=[kwargs["slug"]])
        self.url_self = request.path
        response: Response = super().get(request)  # type: ignore[no-untyped-call]
        return response


# Redoc builds its search index in a web worker that it creates from a blob.
@method_decorator(
    csp_update({"style-src": [UNSAFE_INLINE], "worker-src": ["blob:"]}),
    name="dispatch",
)
class Redoc(SpectacularRedocView):
    # drf-spectacular's own page loads fonts from the internet.
    template_name = "front/redoc.html"

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.title = _title(kwargs["slug"])
        self.url = reverse("front:document", args=[kwargs["slug"]])
        response: Response = super().get(request)  # type: ignore[no-untyped-call]
        return response


@require_safe
@cache_control(max_age=3600, public=True)
def redoc_script(request: HttpRequest) -> HttpResponse:
    """Redoc from the sidecar package, without the logo that it loads from its maker."""
    path = finders.find(_REDOC_SCRIPT)
    script = Path(str(path)).read_bytes().replace(_REDOC_LOGO, b"data:,")
    return HttpResponse(script, content_type="text/javascript; charset=utf-8")


def _listed() -> list[dict[str, str]]:
    return [
        {"slug": slug, "title": documents.title(slug)} for slug in documents.slugs()
    ]


def _title(slug: str) -> str:
    try:
        return documents.title(slug)
    except KeyError:
        raise Http404 from None
