"""The addresses of the console's pages."""

from django.urls import include, path
from django.views.generic import RedirectView

from . import audit, dashboard, events, exploring, search, secrets
from .account import login, sessions
from .account import views as account
from .deliveries import views as deliveries
from .keys import views as keys
from .partners import limits as partner_limits
from .partners import views as partners
from .recoveries import views as recoveries
from .subscriptions import settings, testing
from .subscriptions import views as subscriptions

app_name = "staff"

# Former address -> the page that is there now: a bookmark still works.
MOVED = {
    "needs/": "alerts",
    "deliveries/<uuid:id>/send/": "redeliver",
}

_partner = [
    path("", partners.Detail.as_view(), name="partner"),
    path("edit/", partners.Edit.as_view(), name="edit-partner"),
    path("limits/", partner_limits.EditLimits.as_view(), name="partner-limits"),
    path("switch/", partners.Switch.as_view(), name="switch-partner"),
    path("explore/", exploring.Explore.as_view(), name="explore"),
]
_subscription = [
    path("", subscriptions.Detail.as_view(), name="subscription"),
    path("edit/", settings.Edit.as_view(), name="edit-subscription"),
    path("delete/", subscriptions.Delete.as_view(), name="delete-subscription"),
    path("enable/", subscriptions.Enable.as_view(), name="enable-subscription"),
    path("test/", testing.Test.as_view(), name="test-subscription"),
    path("test/<uuid:event>/", testing.Progress.as_view(), name="test-progress"),
    path("rotate-secret/", secrets.Rotate.as_view(), name="rotate-secret"),
]
_key = [
    path("", keys.Detail.as_view(), name="key"),
    path("rotate/", keys.Rotate.as_view(), name="rotate-key"),
    path("revoke/", keys.Revoke.as_view(), name="revoke-key"),
]
_delivery = [
    path("", deliveries.Detail.as_view(), name="delivery"),
    path("progress/", deliveries.Progress.as_view(), name="delivery-progress"),
    path("redeliver/", deliveries.Redeliver.as_view(), name="redeliver"),
]
_attempt = [
    path(f"{side}/", deliveries.Body.as_view(), {"side": side}, name=f"{side}-body")
    for side in ("request", "response")
]
_recovery = [
    path("", recoveries.Detail.as_view(), name="recovery"),
    path("progress/", recoveries.Progress.as_view(), name="recovery-progress"),
    path("cancel/", recoveries.Cancel.as_view(), name="cancel-recovery"),
]
_account = [
    path("", account.Account.as_view(), name="account"),
    path(
        "sessions/end/", sessions.EndOtherSessions.as_view(), name="end-other-sessions"
    ),
    path(
        "sessions/<uuid:id>/end/",
        sessions.EndOwnSession.as_view(),
        name="end-own-session",
    ),
    path("password/", account.ChangePassword.as_view(), name="change-password"),
    path("second-factor/", account.SecondFactor.as_view(), name="second-factor"),
    path(
        "second-factor/confirm/",
        account.Confirm.as_view(),
        name="confirm-second-factor",
    ),
    path("second-factor/codes/", account.RenewCodes.as_view(), name="recovery-codes"),
    path(
        "second-factor/remove/", account.Remove.as_view(), name="remove-second-factor"
    ),
]
_person = [
    path("", sessions.Sessions.as_view(), name="sessions"),
    path("end/", sessions.EndSessions.as_view(), name="end-sessions"),
    path("<uuid:id>/end/", sessions.EndSession.as_view(), name="end-session"),
]
_former = [
    path(
        address,
        RedirectView.as_view(
            pattern_name=f"staff:{page}", permanent=True, query_string=True
        ),
    )
    for address, page in MOVED.items()
]

urlpatterns = [
    path("", dashboard.Dashboard.as_view(), name="home"),
    path("alerts/", dashboard.Alerts.as_view(), name="alerts"),
    path("search/", search.Search.as_view(), name="search"),
    path("partners/", partners.Partners.as_view(), name="partners"),
    path("partners/new/", partners.New.as_view(), name="new-partner"),
    path("partners/<uuid:id>/", include(_partner)),
    path("exploring/leave/", exploring.Leave.as_view(), name="leave-exploring"),
    path("subscriptions/", subscriptions.Subscriptions.as_view(), name="subscriptions"),
    path("subscriptions/new/", settings.New.as_view(), name="new-subscription"),
    path("subscriptions/<uuid:id>/", include(_subscription)),
    path("secrets/<uuid:id>/", secrets.Reveal.as_view(), name="reveal-secret"),
    path("keys/", keys.Keys.as_view(), name="keys"),
    path("keys/issue/", keys.Issue.as_view(), name="issue-key"),
    path("keys/<uuid:id>/", include(_key)),
    path("deliveries/", deliveries.Deliveries.as_view(), name="deliveries"),
    path("deliveries/<uuid:id>/", include(_delivery)),
    path("attempts/<uuid:id>/", include(_attempt)),
    path("recoveries/", recoveries.Recoveries.as_view(), name="recoveries"),
    path("recoveries/new/", recoveries.New.as_view(), name="new-recovery"),
    path("recoveries/<uuid:id>/", include(_recovery)),
    path("events/", events.Events.as_view(), name="events"),
    path("events/publish/", events.Publish.as_view(), name="publish"),
    path("events/<uuid:id>/", events.Detail.as_view(), name="event"),
    path("event-types/", events.EventTypes.as_view(), name="event-types"),
    path("event-types/<path:name>/", events.TypeDetail.as_view(), name="event-type"),
    path("audit/", audit.Audit.as_view(), name="audit"),
    path("audit/<uuid:id>/", audit.Detail.as_view(), name="audit-entry"),
    path("login/code/", login.EnterCode.as_view(), name="enter-code"),
    path("account/", include(_account)),
    path("people/<int:user>/sessions/", include(_person)),
    *_former,
]
