"""What the console looks like, and what its pages may load."""

# Alpine, which django-unfold's admin is built on, evaluates its attributes.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
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
            "href": "webhooks.admin.navigation.favicon",
        }
    ],
    "STYLES": ["webhooks.admin.navigation.stylesheet"],
    "SHOW_BACK_BUTTON": True,
    "SIDEBAR": {
        "show_search": True,
        "navigation": "webhooks.admin.navigation.sections",
    },
}
