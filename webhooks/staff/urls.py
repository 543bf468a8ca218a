"""Where the console's pages are."""

from django.urls import path
from django.views.generic import RedirectView

from .account import login
from .account import views as account
from .audit import views as audit
from .dashboard import views as dashboard
from .deliveries import views as deliveries
from .events import views as events
from .exploring import views as exploring
from .keys import changes as key_changes
from .keys import views as keys
from .partners import views as partners
from .recoveries import new as new_recovery
from .recoveries import views as recoveries
from .search import views as search
from .secrets import views as secrets
from .subscriptions import settings, testing
from .subscriptions import views as subscriptions

app_name = "staff"

# Former address -> the page that is there now: a bookmark still works.
MOVED = {
    "needs/": "alerts",
    "deliveries/<uuid:id>/send/": "redeliver",
}

urlpatterns = [
    path("", dashboard.Dashboard.as_view(), name="home"),
    path("alerts/", dashboard.Alerts.as_view(), name="alerts"),
    path("search/", search.Search.as_view(), name="search"),
    # Partners
    path("partners/", partners.Partners.as_view(), name="partners"),
    path("partners/new/", partners.New.as_view(), name="new-partner"),
    path("partners/<uuid:id>/", partners.One.as_view(), name="partner"),
    path("partners/<uuid:id>/edit/", partners.Edit.as_view(), name="edit-partner"),
    path(
        "partners/<uuid:id>/switch/", partners.Switch.as_view(), name="switch-partner"
    ),
    path("partners/<uuid:id>/explore/", exploring.Explore.as_view(), name="explore"),
    path("exploring/leave/", exploring.Leave.as_view(), name="leave-exploring"),
    # Subscriptions
    path("subscriptions/", subscriptions.Subscriptions.as_view(), name="subscriptions"),
    path("subscriptions/new/", settings.New.as_view(), name="new-subscription"),
    path("subscriptions/<uuid:id>/", subscriptions.One.as_view(), name="subscription"),
    path(
        "subscriptions/<uuid:id>/edit/",
        settings.Edit.as_view(),
        name="edit-subscription",
    ),
    path(
        "subscriptions/<uuid:id>/delete/",
        subscriptions.Delete.as_view(),
        name="delete-subscription",
    ),
    path(
        "subscriptions/<uuid:id>/enable/",
        subscriptions.Enable.as_view(),
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
    path("keys/issue/", key_changes.Issue.as_view(), name="issue-key"),
    path("keys/<uuid:id>/", keys.One.as_view(), name="key"),
    path("keys/<uuid:id>/rotate/", key_changes.Rotate.as_view(), name="rotate-key"),
    path("keys/<uuid:id>/revoke/", key_changes.Revoke.as_view(), name="revoke-key"),
    # Deliveries
    path("deliveries/", deliveries.Deliveries.as_view(), name="deliveries"),
    path("deliveries/<uuid:id>/", deliveries.One.as_view(), name="delivery"),
    path(
        "deliveries/<uuid:id>/progress/",
        deliveries.Progress.as_view(),
        name="delivery-progress",
    ),
    path(
        "deliveries/<uuid:id>/redeliver/",
        deliveries.Redeliver.as_view(),
        name="redeliver",
    ),
    path(
        "attempts/<uuid:id>/request/",
        deliveries.Body.as_view(),
        {"side": "request"},
        name="request-body",
    ),
    path(
        "attempts/<uuid:id>/response/",
        deliveries.Body.as_view(),
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
    path("event-types/", events.EventTypes.as_view(), name="event-types"),
    path("event-types/<path:name>/", events.OneType.as_view(), name="event-type"),
    # Audit
    path("audit/", audit.Audit.as_view(), name="audit"),
    path("audit/<uuid:id>/", audit.One.as_view(), name="audit-entry"),
    # One's own account
    path("login/code/", login.EnterCode.as_view(), name="enter-code"),
    path("account/", account.Account.as_view(), name="account"),
    path("account/password/", account.ChangePassword.as_view(), name="change-password"),
    path(
        "account/second-factor/", account.SecondFactor.as_view(), name="second-factor"
    ),
    path(
        "account/second-factor/confirm/",
        account.Confirm.as_view(),
        name="confirm-second-factor",
    ),
    path(
        "account/second-factor/codes/",
        account.RenewCodes.as_view(),
        name="recovery-codes",
    ),
    path(
        "account/second-factor/remove/",
        account.Remove.as_view(),
        name="remove-second-factor",
    ),
    *(
        path(
            address,
            RedirectView.as_view(
                pattern_name=f"staff:{page}", permanent=True, query_string=True
            ),
        )
        for address, page in MOVED.items()
    ),
]
