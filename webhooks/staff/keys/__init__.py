"""API keys: list, one of them, issue, rotate, revoke."""
