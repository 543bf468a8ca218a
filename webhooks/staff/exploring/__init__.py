"""Calling the APIs as a partner, from the browser."""
