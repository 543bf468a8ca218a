"""Where the console's pages are."""

from django.urls import path

from .account import login, password
from .account import views as account
from .audit import views as audit
from .dashboard import views as dashboard
from .deliveries import list as deliveries
from .deliveries import views as delivery
from .events import event_types
from .events import views as events
from .exploring import views as exploring
from .keys import changes as keychanges
from .keys import views as keys
from .partners import list as partners
from .partners import views as partner
from .recoveries import new as new_recovery
from .recoveries import views as recoveries
from .search import views as searching
from .secrets import views as secrets
from .subscriptions import list as subscriptions
from .subscriptions import settings, testing
from .subscriptions import views as subscription

app_name = "staff"

urlpatterns = [
    path("", dashboard.Dashboard.as_view(), name="home"),
    path("needs/", dashboard.Needs.as_view(), name="needs"),
    path("search/", searching.Search.as_view(), name="search"),
    # Partners
    path("partners/", partners.Partners.as_view(), name="partners"),
    path("partners/new/", partners.New.as_view(), name="new-partner"),
    path("partners/<uuid:id>/", partner.One.as_view(), name="partner"),
    path("partners/<uuid:id>/edit/", partner.Edit.as_view(), name="edit-partner"),
    path("partners/<uuid:id>/switch/", partner.Switch.as_view(), name="switch-partner"),
    path("partners/<uuid:id>/explore/", exploring.Explore.as_view(), name="explore"),
    path("exploring/leave/", exploring.Leave.as_view(), name="leave-exploring"),
    # Subscriptions
    path("subscriptions/", subscriptions.Subscriptions.as_view(), name="subscriptions"),
    path("subscriptions/new/", settings.New.as_view(), name="new-subscription"),
    path("subscriptions/<uuid:id>/", subscription.One.as_view(), name="subscription"),
    path(
        "subscriptions/<uuid:id>/edit/",
        settings.Edit.as_view(),
        name="edit-subscription",
    ),
    path(
        "subscriptions/<uuid:id>/delete/",
        subscription.Delete.as_view(),
        name="delete-subscription",
    ),
    path(
        "subscriptions/<uuid:id>/enable/",
        subscription.Enable.as_view(),
        name="enable-subscription",
    ),
    path(
        "subscriptions/<uuid:id>/test/",
        testing.Test.as_view(),
        name="test-subscription",
    ),
    path(
        "subscriptions/<uuid:id>/test/<uuid:event>/",
        testing.Progress.as_view(),
        name="test-progress",
    ),
    path(
        "subscriptions/<uuid:id>/rotate-secret/",
        secrets.Rotate.as_view(),
        name="rotate-secret",
    ),
    path("secrets/<uuid:id>/", secrets.Reveal.as_view(), name="reveal-secret"),
    # Keys
    path("keys/", keys.Keys.as_view(), name="keys"),
    path("keys/issue/", keychanges.Issue.as_view(), name="issue-key"),
    path("keys/<uuid:id>/", keys.One.as_view(), name="key"),
    path("keys/<uuid:id>/rotate/", keychanges.Rotate.as_view(), name="rotate-key"),
    path("keys/<uuid:id>/revoke/", keychanges.Revoke.as_view(), name="revoke-key"),
    # Deliveries
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
    # Recoveries
    path("recoveries/", recoveries.Recoveries.as_view(), name="recoveries"),
    path("recoveries/new/", new_recovery.New.as_view(), name="new-recovery"),
    path("recoveries/<uuid:id>/", recoveries.One.as_view(), name="recovery"),
    path(
        "recoveries/<uuid:id>/progress/",
        recoveries.Progress.as_view(),
        name="recovery-progress",
    ),
    path(
        "recoveries/<uuid:id>/cancel/",
        recoveries.Cancel.as_view(),
        name="cancel-recovery",
    ),
    # Events
    path("events/", events.Events.as_view(), name="events"),
    path("events/publish/", events.Publish.as_view(), name="publish"),
    path("events/<uuid:id>/", events.One.as_view(), name="event"),
    path("event-types/", event_types.EventTypes.as_view(), name="event-types"),
    path("event-types/<path:name>/", event_types.One.as_view(), name="event-type"),
    # Audit
    path("audit/", audit.Audit.as_view(), name="audit"),
    path("audit/<uuid:id>/", audit.One.as_view(), name="audit-entry"),
    # One's own account
    path("login/code/", login.EnterCode.as_view(), name="enter-code"),
    path("account/", account.Account.as_view(), name="account"),
    path(
        "account/password/", password.ChangePassword.as_view(), name="change-password"
    ),
    path(
        "account/second-factor/", account.SecondFactor.as_view(), name="second-factor"
    ),
    path(
        "account/second-factor/confirm/",
        account.Confirm.as_view(),
        name="confirm-second-factor",
    ),
    path(
        "account/second-factor/codes/", account.Codes.as_view(), name="recovery-codes"
    ),
    path(
        "account/second-factor/remove/",
        account.Remove.as_view(),
        name="remove-second-factor",
    ),
]
