"""Recoveries (bulk replays): list, one of them, preview, start, cancel."""
