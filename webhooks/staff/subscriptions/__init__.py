"""Subscriptions: list, one of them, create, edit, enable, delete, test."""
