"""What a server asks of its machine: sockets to listen at, and open files."""

import socket  # noqa: TID251 - it listens, and never connects
import sys
from collections.abc import Sequence

from . import limits


def listen(
    family: socket.AddressFamily, address: tuple[str, int], count: int
) -> Sequence[socket.socket]:
    """A listening socket for each worker; raises OSError.

    Linux deals connections out to them. They are the supervisor's, so that the connections which
    wait at one of a dead worker are served by the next. Elsewhere the workers share a socket.
    """
    deals = sys.platform == "linux"
    sockets = []
    for _ in range(count if deals else 1):
        made = socket.socket(family)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if deals:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)
        made.listen(limits.BACKLOG)  # from now on connections wait, and are not refused
        sockets.append(made)
    return sockets if deals else sockets * count


def most_open_files() -> int:
    """Raises this process's limit of open files as far as it may, and returns it."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, 65536)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):  # macOS has a lower limit of its own
        return soft
    return wanted
