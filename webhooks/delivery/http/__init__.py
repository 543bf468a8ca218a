"""HTTP/1.1 to receivers: a small client whose every part has a bound.

A receiver is a stranger that chooses every byte of its answer, and when each is sent. So
what an answer may cost is limited here in bytes, in number and in time: `reader` reads it,
`connection` exchanges one request for it, `sweeper` ends what is late, `pool` keeps open
connections, `dialling` opens them.
"""
