"""Capa: the one webhook URL of a partner.

Its stack shows through where its own pages are silent: NestJS answers malformed JSON and
unknown routes itself, before the vendor's code has a say.
"""
