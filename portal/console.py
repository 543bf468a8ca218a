"""What the console looks like, and what its pages may load."""

# No page needs an inline script, an inline style or an evaluated string: see
# docs/adr/0011. A view that shows somebody else's page says what that one needs.
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
            "href": "webhooks.console.navigation.favicon",
        }
    ],
    # unfold would write its colours into each page: ours are a file (STYLES).
    "COLORS": "webhooks.console.navigation.no_inline_colors",
    "STYLES": [
        "webhooks.console.navigation.frame_style",
        "webhooks.console.navigation.stylesheet",
    ],
    "SCRIPTS": ["webhooks.console.navigation.frame_script"],
    "SHOW_BACK_BUTTON": True,
    "ACCOUNT": {"navigation": "webhooks.console.navigation.account"},
    "SIDEBAR": {
        # It would look through the sidebar's own titles, beside the search of the header.
        "show_search": False,
        "navigation": "webhooks.console.navigation.sections",
    },
}
