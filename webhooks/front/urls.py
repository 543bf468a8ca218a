"""The addresses of this room, at the root of the host."""

from django.urls import path

from . import health, metrics, views

app_name = "front"

urlpatterns = [
    path("", views.landing, name="landing"),
    path("docs/", views.index, name="documents"),
    path("docs/<slug:slug>/", views.Swagger.as_view(), name="swagger"),
    path("redoc/<slug:slug>/", views.Redoc.as_view(), name="redoc"),
    path("redoc/redoc.standalone.js", views.redoc_script, name="redoc-script"),
    path("schema/", views.index, name="schemas"),
    path("schema/<slug:slug>.yaml", views.document, name="document"),
    path("healthz", health.live, name="live"),
    path("readyz", health.ready, name="ready"),
    path("metrics", metrics.metrics, name="metrics"),
]
