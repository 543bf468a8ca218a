"""The portal's own REST: publishers post events here, partners manage subscriptions.

Unlike the dialects it copies nobody: bodies are strict, so that a misspelt field is an
error and not a loss, and every error is an RFC 9457 problem.
"""

from webhooks.rest.interfaces import Interface

PORTAL = Interface("portal", "Portal API", __name__, wire="webhooks.delivery.standard")
