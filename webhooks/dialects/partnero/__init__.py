"""Partnero: the webhooks of one affiliate program.

Its stack shows through in what it says: Laravel, with its validation messages, its
simple paginator and JSON that is read before the query string.
"""
