"""Room for all calls of a thread.

CPython keeps the frames of a thread in chunks of 16 KiB. A call for which a chunk has no room takes
another one from the kernel, and gives it back when it returns (python/cpython#142183; Python 3.14.4
keeps one, 3.11 and 3.12 do not). So a loop whose calls stand at the edge pays for both each time. The
templates of the console met the edge 1,000 to 1,900 times a page: up to half of its time.
"""

from collections.abc import Callable

WORDS = 66_000
"""Of 8 bytes, of the first frame: it gets a chunk of its own, the next power of two, 1 MiB. What is
left, 500 KiB, has room for a thousand calls, as many as Python allows. Memory that nothing is written
to is not taken, so that the empty frame costs none."""


def with_room(work: Callable[[], None]) -> None:
    """Call `work` where all its calls are in one chunk, unless they are deeper than usual."""
    work()


with_room.__code__ = with_room.__code__.replace(co_stacksize=WORDS)
