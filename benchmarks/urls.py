"""The portal's addresses, and a bare Django view beside them.

The view makes the two statements that a dialect makes, and nothing else: no check of the
key, no vendor's form, no errors.
"""

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone

from portal.urls import urlpatterns as portal_urlpatterns
from webhooks.models import ApiKey, Subscription


def bare(request: HttpRequest, dialect: str, prefix: str, id: str) -> JsonResponse:
    key = ApiKey.objects.select_related("partner").get(prefix=prefix)
    assert key.partner is not None
    found = Subscription.objects.of(key.partner, dialect).whole(at=timezone.now())
    subscription = found.get(public_id=id)
    return JsonResponse(
        {
            "id": subscription.public_id,
            "name": subscription.name,
            "urls": subscription.urls,
            "events": subscription.events,
            "is_active": subscription.is_active,
        }
    )


urlpatterns = [
    path("bare/<str:dialect>/<str:prefix>/<str:id>", bare),
    *portal_urlpatterns,
]
