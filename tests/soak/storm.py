"""What happens to a portal that is delivering: the seeded loop."""

import random
import time
from collections.abc import Callable, Sequence

from django.db import DatabaseError, connection

from tests.redis_server import Redis

from . import examiner
from .cluster import Cluster
from .evidence import Incident
from .fleet import Child, Fleet, Process, Role
from .freezer import Freezer

GAP = 1.2
"""Seconds between two incidents, on average. Were workers killed much faster than leases
run out, a row could lose ten of them in a row by chance and be quarantined, as it should."""

LOOKING = 3.0
"""Seconds in which a worker is looked for that has something in hand."""

LOOKING_FOR_PIECES = 15.0
"""Seconds. The publisher may be starting."""

WRITERS = ("worker", "claimer")
"""The roles that write fan-outs."""

PUBLISH = 0.02
"""Seconds that the publishing of a batch takes, more or less."""


class Storm:
    def __init__(
        self,
        fleet: Fleet,
        *,
        seed: int,
        publish: Callable[[], Process],
        crew: Sequence[Role],
        cluster: Cluster | None,
        broker: Redis | None,
    ) -> None:
        self._random = random.Random(seed)
        self._fleet = fleet
        self._publish = publish
        self._publisher: Process | None = None
        self._crew = crew
        self._cluster = cluster
        self._broker = broker
        self._freezer = Freezer()
        self.incidents: list[Incident] = []
        self._kinds: dict[str, tuple[int, Callable[[], None]]] = {
            # kind: weight, what happens
            "kill": (5, self._kill),
            "freeze": (2, self._freeze),
            "stop": (1, self._stop),
            "kill between pieces": (3, self._kill_between_pieces),
            "kill publisher": (2, self._kill_publisher),
        }
        if cluster is not None:
            self._kinds |= {
                "restart": (1, self._restart_fast),
                "crash": (1, self._restart_immediate),
            }
        if any(role.processes > 1 for role in crew):
            self._kinds["kill command"] = (2, self._kill_command)
        if broker is not None:
            self._kinds["wipe"] = (3, self._wipe)

    def rage(self, count: int) -> None:
        """`count` incidents; each kind happens once before any happens again."""
        self.keep_up()
        while len(self._awake()) < sum(r.count * r.processes for r in self._crew):
            self._wait(0.1)
        self._publisher = self._publish()
        weights = [weight for weight, _ in self._kinds.values()]
        drawn = self._random.sample([*self._kinds], len(self._kinds))
        # Later, a small soak may have published everything.
        drawn.sort(key="kill between pieces".__ne__)
        drawn += self._random.choices([*self._kinds], weights, k=count)
        for kind in drawn[: max(count, len(self._kinds))]:
            self._wait(self._random.uniform(0.5, 1.5) * GAP)
            _, happens = self._kinds[kind]
            happens()

    def calm(self, is_over: Callable[[], bool], *, seconds: float) -> bool:
        """No more incidents: whether everything frozen goes on, everything is published,
        and then `is_over`, in so many seconds."""
        end = time.time() + seconds
        while time.time() < end:
            self._wait(0.2)
            if not self._freezer.processes and self.is_all_published and is_over():
                return True
        return False

    def keep_up(self) -> None:
        """As many workers as there should be, and a publisher until all is published."""
        # One that ended by itself is replaced too, and shows in the end.
        for role in self._crew:
            while len(self._fleet.running(role.name)) < role.count:
                self._fleet.start(role.name, *role.command)
        if self._publisher is not None and self._publisher.was_killed:
            self._publisher = self._publish()

    @property
    def is_all_published(self) -> bool:
        publisher = self._publisher
        return bool(publisher and not publisher.is_running and not publisher.was_killed)

    def _wait(self, seconds: float) -> None:
        end = time.time() + seconds
        while time.time() < end:
            self.incidents += self._freezer.thaw()
            self.keep_up()
            time.sleep(0.05)

    def _note(self, kind: str, name: str, began: float) -> None:
        self.incidents.append(Incident(kind, name, began, time.time()))

    def _awake(self) -> list[Process | Child]:
        """Those that work and are not frozen."""
        frozen = self._freezer.processes
        return [
            process
            for role in self._crew
            for command in self._fleet.running(role.name)
            if role.started in command.log.read_text()
            for process in (command.children if role.processes > 1 else [command])
            if process not in frozen
        ]

    def _victim(self) -> Process | Child:
        """One that has something in hand, where one has before long."""
        end = time.time() + LOOKING
        while time.time() < end:
            try:
                busy = examiner.busy()
            except DatabaseError:
                connection.close()  # it may still be starting
            else:
                if found := [p for p in self._awake() if p.name in busy]:
                    return self._random.choice(found)
            self._wait(0.02)
        while not (awake := self._awake()):
            self._wait(0.1)
        return self._random.choice(awake)

    def _kill(self) -> None:
        victim = self._victim()
        began = time.time()
        victim.kill()
        self._note("kill", victim.name, began)

    def _kill_between_pieces(self) -> None:
        """Kill a worker while a part of an event's deliveries is written. Any may be the one
        that writes them."""
        end = time.time() + LOOKING_FOR_PIECES
        while time.time() < end and not self.is_all_published:
            victims = [p for p in self._awake() if p.name.startswith(WRITERS)]
            if victims and self._is_in_pieces():
                victim = self._random.choice(victims)
                began = time.time()
                victim.kill()
                self._note("kill between pieces", victim.name, began)
                return
            self.incidents += self._freezer.thaw()
            time.sleep(0.001)

    def _is_in_pieces(self) -> bool:
        try:
            return examiner.is_in_pieces()
        except DatabaseError:
            connection.close()  # it may still be starting
            return False

    def _stop(self) -> None:
        # Not an incident that may lose anything.
        if command := self._command():
            command.stop()
            self._note("stop", "", 0)

    def _kill_command(self) -> None:
        """Neither may this: its processes notice, and end as if they were told to."""
        if command := self._command():
            command.kill()
            self._note("kill command", "", 0)

    def _command(self) -> Process | None:
        """One of which something is in hand. None where a process of it is frozen, which
        cannot end."""
        command = self._victim().command
        frozen = [process.command for process in self._freezer.processes]
        return None if command in frozen else command

    def _freeze(self) -> None:
        victim = self._victim()
        role = victim.name.partition("-")[0]
        # Somebody has to find what it holds.
        if sum(p.name.startswith(role) for p in self._awake()) > 1:
            self._freezer.freeze(victim)

    def _kill_publisher(self) -> None:
        if self._publisher is not None and self._publisher.is_running:
            self._wait_for_publish(self._publisher)
            began = time.time()
            self._publisher.kill()
            self._note("kill publisher", "", began)

    def _wait_for_publish(self, publisher: Process) -> None:
        """Into the middle of one, as far as that can be hit."""
        said = publisher.log.stat().st_size
        end = time.time() + LOOKING
        while publisher.log.stat().st_size == said and time.time() < end:
            time.sleep(0.0005)
        time.sleep(self._random.uniform(0, PUBLISH))

    def _wipe(self) -> None:
        assert self._broker is not None
        began = time.time()
        self._broker.client.flushall()
        self._note("wipe", "", began)

    def _restart_fast(self) -> None:
        self._restart("restart", "fast")

    def _restart_immediate(self) -> None:
        self._restart("crash", "immediate")

    def _restart(self, kind: str, mode: str) -> None:
        assert self._cluster is not None
        began = time.time()
        self._cluster.restart(mode)
        self._note(kind, "", began)
