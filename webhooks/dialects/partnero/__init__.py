"""Partnero: the webhooks of one affiliate program.

Error messages follow its framework: Laravel. So do the pages (its simple paginator) and the
reading of requests (JSON before the query string).
"""
