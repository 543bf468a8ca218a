"""Every change that a caller asks for.

One function is one act: keyword-only, in one transaction, with the actor as `by` and an
audit entry written beside the change, so that neither exists without the other. It takes the
time itself, after the lock. What can go wrong is an exception declared in the module that
raises it.
"""
