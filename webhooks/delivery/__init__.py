"""Bytes to a receiver, and when.

The committed row is the truth: whatever else is lost costs a poll interval. No dialect
is imported here; each brings its wire profile, and `apps.ready()` registers it.
"""
