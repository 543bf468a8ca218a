"""Capa: the one webhook URL of a partner.

Where its pages document nothing, errors follow its framework: NestJS itself answers malformed
JSON and unknown routes, before the vendor's code runs.
"""
