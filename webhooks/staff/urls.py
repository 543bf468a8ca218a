"""Where the console's pages are."""

from django.urls import path

from .views import audit, deliveries, delivery, event_types, events, home

app_name = "staff"

urlpatterns = [
    path("", home.Home.as_view(), name="home"),
    path("deliveries/", deliveries.Deliveries.as_view(), name="deliveries"),
    path("deliveries/<uuid:id>/", delivery.One.as_view(), name="delivery"),
    path(
        "deliveries/<uuid:id>/progress/",
        delivery.Progress.as_view(),
        name="delivery-progress",
    ),
    path("deliveries/<uuid:id>/send/", delivery.Redeliver.as_view(), name="redeliver"),
    path(
        "attempts/<uuid:id>/request/",
        delivery.Body.as_view(),
        {"side": "request"},
        name="request-body",
    ),
    path(
        "attempts/<uuid:id>/response/",
        delivery.Body.as_view(),
        {"side": "response"},
        name="response-body",
    ),
    path("events/", events.Events.as_view(), name="events"),
    path("events/publish/", events.Publish.as_view(), name="publish"),
    path("events/<uuid:id>/", events.One.as_view(), name="event"),
    path("event-types/", event_types.EventTypes.as_view(), name="event-types"),
    path("event-types/<path:name>/", event_types.One.as_view(), name="event-type"),
    path("audit/", audit.Audit.as_view(), name="audit"),
    path("audit/<uuid:id>/", audit.One.as_view(), name="audit-entry"),
]
