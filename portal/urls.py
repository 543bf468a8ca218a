"""Every address of the portal.

The vendors' documented paths are at the root of the host, where their clients expect them.
"""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from webhooks.rest import interfaces, routing

handler400 = "webhooks.front.refusals.bad_request"
handler500 = "webhooks.front.refusals.failed"

urlpatterns = [
    path("", include("webhooks.front.urls")),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("staff", RedirectView.as_view(pattern_name="staff:home")),
    path("staff/", include("webhooks.staff.urls")),
    *routing.urlpatterns(interfaces.all()),
]
