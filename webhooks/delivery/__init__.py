"""Sends deliveries: how a receiver is called, and when.

The committed row is the truth: if anything else is lost, work is found again at the next
poll. No dialect is imported here; `apps.ready()` registers the wire profile of each.
"""
