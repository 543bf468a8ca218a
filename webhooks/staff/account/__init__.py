"""One's own account: login, password, second factor."""
