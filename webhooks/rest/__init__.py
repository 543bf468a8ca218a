"""The parts that every REST interface of the portal shares.

The dialects and the portal's own API are built on this package. It reads bodies and keys,
checks a request in the order of its interface, and names everything that can be wrong
with it. Each interface words its own answers.
"""
