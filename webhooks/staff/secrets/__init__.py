"""Signing secrets: reveal and rotate."""
