"""Which of the requests that wait gets the next thread.

Callers take turns, so that nobody waits for all that somebody else has sent. A caller may have as
many threads as are free beside them, the rule of delivery/endpoint_queues.py for the slots of a
worker. So one alone gets half of them, and the last one goes to a caller who has none. The requests of
a process share one processor, too: each is slower for every other that is answered at the same time.

A caller is whom the application named when it answered the same credentials before. Everybody else
is known by the address of the connection, so that credentials which nobody has get no turn of their
own.
"""

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Collection

from . import limits
from .connection import Connection


class Turns:
    """Whole requests, for the threads that answer them. `credentials` are the headers, in small
    letters, by which callers are told apart. May be used from any thread."""

    def __init__(self, threads: int, credentials: Collection[bytes]) -> None:
        self._free = threads
        self._credentials = credentials
        self._changed = threading.Condition()
        # The caller whose turn is next stands first.
        self._waiting: OrderedDict[str, deque[Connection]] = OrderedDict()
        self._answered: Counter[str] = Counter()
        self._callers: OrderedDict[int, str] = OrderedDict()

    def put(self, connection: Connection) -> bool:
        """Whether it may wait: its caller has room for one more."""
        credentials = self._credentials_of(connection)
        with self._changed:
            caller = self._callers.get(credentials, connection.peer)
            requests = self._waiting.setdefault(caller, deque())
            if len(requests) >= limits.WAITING_OF_ONE:
                return False
            requests.append(connection)
            self._changed.notify()
            return True

    def take(self) -> tuple[str, Connection]:
        """The next request, and whose it is. Waits for one; `end` must follow."""
        with self._changed:
            while (caller := self._next()) is None:
                self._changed.wait()
            requests = self._waiting.pop(caller)
            connection = requests.popleft()
            if requests:
                self._waiting[caller] = requests  # after all others
            self._answered[caller] += 1
            self._free -= 1
            return caller, connection

    def _next(self) -> str | None:
        for caller in self._waiting:
            if self._answered[caller] < self._free:
                return caller
        return None

    def end(self, caller: str) -> None:
        """A request of this caller was answered, or is not answered at all."""
        with self._changed:
            self._answered[caller] -= 1
            if not self._answered[caller]:
                del self._answered[caller]
            self._free += 1
            if self._waiting:
                self._changed.notify()  # there may be room for two

    def know(self, connection: Connection, caller: str) -> None:
        """The application says whose request this was; empty: nobody's."""
        if caller:
            credentials = self._credentials_of(connection)
            with self._changed:
                self._callers[credentials] = caller
                self._callers.move_to_end(credentials)
                if len(self._callers) > limits.CALLERS:
                    self._callers.popitem(last=False)

    def _credentials_of(self, connection: Connection) -> int:
        headers = connection.request.head.headers
        return hash(
            tuple(value for name, value in headers if name.lower() in self._credentials)
        )
