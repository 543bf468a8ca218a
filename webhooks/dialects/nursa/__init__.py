"""Nursa: a partner's user webhooks, and the log of what was sent to them.

Its stack shows through in what it says: NestJS, with class-validator's messages.
"""
