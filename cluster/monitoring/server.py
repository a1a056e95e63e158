"""A server process beside a run: started, waited for, watched, and ended."""

import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.config.child_process import end_child, ended_with_parent

_POLL_S = 0.2
_ANSWER_S = 5.0
_END_S = 20.0
_LOG_LINES = 5


class MonitoringError(RuntimeError):
    """Prometheus or Grafana could not start, or has ended. The message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; `ready_url` answers with status 200 once it serves."""

    name: str
    ready_url: str
    log: Path
    process: subprocess.Popen[bytes]

    def wait_until_ready(self, limit_s: float) -> None:
        """Return once it serves.

        Raises:
            MonitoringError: it has ended, or does not serve within `limit_s` seconds.
        """
        deadline = time.monotonic() + limit_s
        while not _answers(self.ready_url):
            self.require_alive()
            if time.monotonic() > deadline:
                raise MonitoringError(f"{self.name} does not serve after {limit_s:g} s: {self._last_words()}")
            time.sleep(_POLL_S)

    def require_alive(self) -> None:
        """Raise `MonitoringError` if it has ended."""
        code = self.process.poll()
        if code is not None:
            raise MonitoringError(f"{self.name} ended with code {code}: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(["", *lines[-_LOG_LINES:], f"(the end of {self.log})"])


@contextmanager
def running(name: str, command: Sequence[str], ready_url: str, log: Path) -> Iterator[Server]:
    """A server for the time of the context. It ends with this process, too, however that ends.

    Raises:
        MonitoringError: the program cannot be run.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(  # noqa: S603 - the program is chosen by the user
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for this process, which ends the server in order
                preexec_fn=ended_with_parent(signal.SIGTERM),
            )
        except OSError as error:
            raise MonitoringError(f"{command[0]} cannot be run: {error.strerror}") from error
        try:
            yield Server(name, ready_url, log, process)
        finally:
            end_child(process, signal.SIGTERM, _END_S)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:  # noqa: S310 - http, on this machine
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
