"""Staff and their groups: Django's own accounts, with every change in the audit log.

Permission to edit staff must not lead to more permissions. So only a superuser gives
permissions, sets another's password, edits groups, or changes a superuser's account.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.forms import ModelMultipleChoiceField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from webhooks.console.actor import staff_actor
from webhooks.console.sessions import second_factor
from webhooks.operations import people, secondfactor, sessions

from .bounds import Bounded, is_too_large
from .counts import CountsOnce
from .once import ActsOnce

admin.site.unregister(User)
admin.site.unregister(Group)
# An account is deleted on its own page, which lists what is deleted with it.
admin.site.disable_action("delete_selected")


class Existing(ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Rows by their ids; what no id can be is refused before a database compares it."""

    def clean(self, value: Any) -> Any:
        for id in value or ():
            if is_too_large(id):
                code = "invalid_pk_value"
                text = self.error_messages[code]
                raise ValidationError(text, code=code, params={"pk": id})
        return super().clean(value)


class BoundedIds:
    """Before unfold's ModelAdmin."""

    def formfield_for_manytomany(
        self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any
    ) -> Any:
        parent: Any = super()
        return parent.formfield_for_manytomany(
            db_field, request, form_class=Existing, **kwargs
        )


class Audited:
    """Writes an audit entry beside Django's own log entry, in the same transaction."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._audit(request, obj, "created")
        return super().log_addition(request, obj, message)  # type: ignore[misc]

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._audit(request, obj, "updated")
        return super().log_change(request, obj, message)  # type: ignore[misc]

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self._audit(request, obj, "deleted")
        return super().log_deletions(request, queryset)  # type: ignore[misc]

    def _audit(self, request: HttpRequest, obj: Any, act: str) -> None:
        people.record_change(by=staff_actor(request), account=obj, act=act)


@admin.register(User)
class StaffAdmin(
    ActsOnce,
    Bounded,
    BoundedIds,
    CountsOnce,
    Audited,
    UserAdmin,  # type: ignore[type-arg]
    ModelAdmin,
):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")
    actions_detail = ("see_sessions", "reset_second_factor")
    fieldsets = (
        *(UserAdmin.fieldsets or ()),
        ("Second factor", {"fields": ("factor",)}),
    )

    def get_readonly_fields(
        self, request: HttpRequest, obj: User | None = None
    ) -> tuple[str, ...]:
        always = ("last_login", "date_joined", "factor")
        if request.user.is_superuser:
            return always
        return (*always, "is_staff", "is_superuser", "groups", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_touch(request, obj) and super().has_delete_permission(request, obj)

    @display(description="Status")
    def factor(self, account: User) -> str:
        found = second_factor(account)
        return f"set up on {found.created_at:%Y-%m-%d}" if found else "none"

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> User | None:
        """Read once for a page: its buttons depend on the row that it shows."""
        read: dict[str, User | None] = request.__dict__.setdefault("read_accounts", {})
        if request.method != "GET" or object_id not in read:
            read[object_id] = super().get_object(request, object_id, from_field)
        return read[object_id]

    def has_reset_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        account = self.get_object(request, unquote(str(object_id)))
        actions = super().get_actions_detail(request, object_id)
        if account is None or second_factor(account) is None:
            return [each for each in actions if "reset_second" not in each.action_name]
        return actions

    @action(
        description="Remove the second factor",
        url_path="reset-second-factor",
        icon="phonelink_erase",
        variant=ActionVariant.DANGER,
        permissions=["reset"],
    )
    def reset_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For a person who has lost both the phone and the recovery codes."""
        account = self.get_object(request, unquote(object_id))
        if account is None:
            return redirect("admin:auth_user_changelist")
        if account == request.user:  # that page asks for the password and a code
            return redirect("staff:remove-second-factor")
        address = reverse("admin:auth_user_change", args=[account.pk])
        if request.method != "POST":
            context = {
                **self.admin_site.each_context(request),
                "title": f"Remove the second factor of {account}?",
                "crumbs": (),
                "account": account,
                "act": "Remove it",
                "back": address,
                "dangerous": True,
            }
            template = "admin/auth/user/reset_second_factor.html"
            return TemplateResponse(request, template, context)
        try:
            secondfactor.reset(by=staff_actor(request), user=account)
        except secondfactor.NotSetUp:
            messages.info(request, f"{account} has no second factor.")
        else:
            messages.success(
                request, f"{account} logs in with the password alone from now on."
            )
        return redirect(address)

    @action(
        description="Sessions",
        url_path="sessions",
        icon="devices",
        permissions=["sessions"],
    )
    def see_sessions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return redirect("staff:sessions", unquote(object_id))

    def has_sessions_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("webhooks.end_session")

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        # Who sets a password can log in with it, and has that person's permissions.
        if not request.user.is_superuser:
            raise PermissionDenied
        account = self.get_object(request, unquote(id))
        if account == request.user:  # that page asks for the present password
            return redirect("staff:change-password")
        with transaction.atomic():
            answer = super().user_change_password(request, id, form_url)
            self._note_new_password(request, account)
        return answer

    def _note_new_password(self, request: HttpRequest, before: User | None) -> None:
        now = before and User.objects.get(pk=before.pk)
        if now is None or before is None or now.password == before.password:
            return
        sessions.end_all(by=staff_actor(request), user=now)
        people.require_own_password(user=now)

    def save_model(
        self, request: HttpRequest, obj: User, form: Any, change: Any
    ) -> None:
        super().save_model(request, obj, form, change)
        if not change:  # who creates an account knows its password
            people.require_own_password(user=obj)


@admin.register(Group)
class StaffGroupAdmin(
    ActsOnce, Bounded, BoundedIds, CountsOnce, Audited, GroupAdmin, ModelAdmin
):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser


def _may_touch(request: HttpRequest, account: Any) -> bool:
    return request.user.is_superuser or not getattr(account, "is_superuser", False)
