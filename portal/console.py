"""The look of the console, and the content that its pages may load."""

from django.templatetags.static import static
from django.urls import reverse_lazy

# No page of ours needs an inline script, an inline style or `eval`: see docs/adr/0011. A view
# that shows a page of another package allows what that page needs.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

UNFOLD = {
    "SITE_TITLE": "Webhook Portal",
    "SITE_HEADER": "Webhook Portal",
    "SITE_SUBHEADER": "Staff console",
    "SITE_SYMBOL": "webhook",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("webhooks/icon.svg"),
        }
    ],
    # unfold would write its colours into each page; ours are in a file (STYLES).
    "COLORS": lambda request: {},
    "STYLES": [
        lambda request: static("webhooks/frame.css"),
        lambda request: static("webhooks/console.css"),
    ],
    "SCRIPTS": [lambda request: static("webhooks/frame.js")],
    "SHOW_BACK_BUTTON": True,
    "ACCOUNT": {
        "navigation": [{"title": "Your account", "link": reverse_lazy("staff:account")}]
    },
    "LOGIN": {"form": "webhooks.staff.account.forms.LoginForm"},
    "SIDEBAR": {
        # It searches the titles of the sidebar only. The header has the console's search.
        "show_search": False,
        "navigation": "webhooks.console.site.sections",
    },
}
