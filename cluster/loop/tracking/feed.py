"""The feed of one tracker: a thread that passes points on to the tracker's process, and starts it again if it fails."""

import logging
import threading
from collections.abc import Callable, Iterable

from cluster.loop.tracking.backlog import Backlog
from cluster.loop.tracking.point import Axis, Point, TrackedRun
from cluster.loop.tracking.process import TrackerError, TrackerProcess

log = logging.getLogger(__name__)

_COLLECT_S = 2.0  # so that a call to a server carries the steps of some seconds
_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 300.0


class Feed:
    """Passes points on in the background. No method but `close` waits for anything."""

    def __init__(
        self,
        name: str,
        module: str,
        run: TrackedRun,
        notify: Callable[[str], None],
        first_pause_s: float = _FIRST_PAUSE_S,
    ) -> None:
        """`notify` is called with what the operator should know: where the metrics are, and that they are held up."""
        self._name = name
        self._module = module
        self._run = run
        self._notify = notify
        self._first_pause_s = first_pause_s
        self._backlog = Backlog()
        self._process: TrackerProcess | None = None
        self._got_through = False
        self._where: str | None = None
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._feed, name=f"tracking-{name}", daemon=True)
        self._thread.start()

    def put(self, points: Iterable[Point]) -> None:
        """Pass points on. Steps that the tracker has already are left out."""
        self._backlog.add(points)

    def close(self, limit_s: float) -> None:
        """Wait until the tracker has everything, for at most `limit_s` seconds; then end its process."""
        self._backlog.close()
        self._thread.join(limit_s)
        if self._thread.is_alive():
            log.warning("%s had not completed its work after %g s, and is ended", self._name, limit_s)
            if (process := self._process) is not None:
                process.kill()
        if left := len(self._backlog):
            log.warning("%s did not get the last %d points; those of policies follow at a resume", self._name, left)

    # ---------------------------------------------------------------- the thread

    def _feed(self) -> None:
        pause_s = self._first_pause_s
        while True:
            try:
                self._pass_on_until_closed()
                return
            except TrackerError as error:
                if self._backlog.is_closed:
                    return
                self._report_failure(str(error))
            if self._got_through:
                pause_s = self._first_pause_s
            self._backlog.wait_for_close(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _pass_on_until_closed(self) -> None:
        """Pass on what comes until the feed is closed and the tracker has completed everything."""
        self._got_through = False
        process = self._process = TrackerProcess(self._module, self._run)
        try:
            self._begin(process)
            while (batch := self._backlog.next_batch()) is not None:
                process.log(batch)
                self._backlog.remove_logged(_last_steps(batch))
                self._got_through = True
                self._backlog.wait_for_close(_COLLECT_S)
            process.finish()
        finally:
            process.kill()

    def _begin(self, process: TrackerProcess) -> None:
        opened = process.open()
        self._backlog.remove_logged(opened.logged)
        if self._failure is not None:
            self._failure = None
            log.info("%s works again; %d steps were given up", self._name, self._backlog.dropped)
        if self._where != opened.where:
            self._where = opened.where
            log.info("metrics go to %s: %s", self._name, opened.where)
            self._notify(f"metrics: {opened.where}")

    def _report_failure(self, failure: str) -> None:
        """Log each new failure, and note the first one of an outage on the screen."""
        if self._failure is None:
            self._notify(f"{self._name} gets no metrics for now, the run goes on: {failure}")
        if self._failure != failure:
            log.warning("%s gets no metrics for now, and is tried again: %s", self._name, failure)
        self._failure = failure


def _last_steps(points: Iterable[Point]) -> dict[Axis, int]:
    return {point.axis: point.step for point in points}
