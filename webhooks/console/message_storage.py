"""Where a message waits for the page that shows it: in a cookie, or in the session where it is long."""

from django.conf import settings
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.http import HttpRequest


class HostCookie(CookieStorage):
    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        if settings.SESSION_COOKIE_SECURE:  # a browser takes the prefix by https only
            self.cookie_name = "__Host-messages"


class CookieOrSession(FallbackStorage):
    storage_classes = (HostCookie, SessionStorage)
