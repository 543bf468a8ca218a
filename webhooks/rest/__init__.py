"""What every REST interface of the portal needs, in nobody's words yet.

The dialects and the portal's own API stand on this room: strict JSON, the caller behind
a key, the order in which a request is checked, and the closed list of what can be wrong
with it. How that is told is each interface's own.
"""
