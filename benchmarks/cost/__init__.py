"""What a delivery, a GET and a publish cost, counted in place of timed.

Times depend on the machine and on what else it does. Counts of a fixed run do not, so they
can be compared with figures that are committed: `figures.json`. Bytecodes are the same for
every build of a version of Python, and do not see what C code does. Instructions see that,
and are the same for one build of Python and of the libraries of its system.
"""

DELIVERIES = 100
REQUESTS = 10  # of each kind
