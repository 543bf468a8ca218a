"""The portal's own REST API: publishers post events, partners manage subscriptions.

It copies no vendor. Bodies and queries are strict, so that a misspelt name is an error,
and every error is an RFC 9457 problem.
"""

from webhooks.rest.interfaces import Interface

PORTAL = Interface("portal", "Portal API", __name__, wire="webhooks.delivery.standard")
