"""The kill soak: events are delivered while everything is killed, and nothing is lost.

`python -m tests.soak --database sqlite|postgresql [--events N] [--seed S]`, both of them
by `make soak`; `test_soak` is a small one. docs/soak.md says what is done and judged.

The soak is trusted because it fails: what it found when the engine was broken on purpose
stands in docs/soak.md, and `test_invariants` breaks each invariant by itself.
"""
