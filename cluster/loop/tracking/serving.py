"""The process of a tracker, `python -m cluster.loop.tracking.serving FD`: logs what the driver sends over a socket.

A tracker may block, raise or crash, and keeps threads and exit handlers; in here it cannot hold the driver up. The
process ends when the driver does, however that ends.
"""

import signal
import sys
from importlib import import_module
from multiprocessing.connection import Connection

from cluster.loop.tracking.messages import Failed, Logged, Opened
from cluster.loop.tracking.point import Point, Tracker

_CLOSE_LIMIT_S = 120


def main() -> int:
    """Serve the driver at the other end of the socket until that is closed."""
    connection = Connection(int(sys.argv[1]))
    try:
        _serve(connection)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return 1  # the driver was killed before the tracker was open
    except Exception as error:  # libraries and servers of others raise anything; the driver reports it
        connection.send(Failed(_first_line(error)))
        return 1
    return 0


def _serve(connection: Connection) -> None:
    module, run = connection.recv()
    tracker: Tracker = import_module(module).open_tracker(run)
    connection.send(Opened(tracker.where, dict(tracker.logged)))
    while (points := _received(connection)) is not None:
        tracker.log(points)
        connection.send(Logged())
    signal.alarm(_CLOSE_LIMIT_S)  # ends this process, which nobody may be there to kill
    tracker.close()


def _received(connection: Connection) -> list[Point] | None:
    """The next points, None once the driver has closed its end or was killed."""
    try:
        points: list[Point] = connection.recv()
        return points
    except (EOFError, ConnectionResetError):
        return None


def _first_line(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
