"""The abuse soak: everything that docs/limits.md bounds, done at once, while the traffic of
other partners is measured.

`make abuse` runs it whole; `test_abuse.py` is a small one. Strangers, a partner, receivers
and events that are expensive to check all do their worst; the healthy partner's requests and
deliveries must stay within twice the time they took before.
"""
