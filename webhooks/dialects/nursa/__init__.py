"""Nursa: a partner's user webhooks, and the log of what was sent to them.

Error messages follow its framework: NestJS, with class-validator.
"""
