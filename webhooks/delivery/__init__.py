"""Sends deliveries to receivers, and retries them.

The database is authoritative: if memory, a wake-up or the broker loses work, the next poll
finds it. No dialect is imported here; `apps.ready()` registers the wire profile of each.
"""
