"""The web server: it receives whole requests before it gives any of them a thread.

A WSGI application holds a thread for as long as its request lasts. So whoever may be slow is served
here, by one loop in each process that waits for all connections at once: clients that send half a
request, trickle a body, or never read their answer. See docs/adr/0016.

`limits` what a connection may take; `incoming` a request as it arrives; `messages` the WSGI
environment of one, and an answer as bytes; `refusals` what is answered without a thread; `connection`
one connection; `crowd` all of them together; `worker` a process with its threads; `sockets` where
it listens. It knows nothing of Django and of the portal.
"""
