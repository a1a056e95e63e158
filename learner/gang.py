"""A gang: ranks, one Ray actor each, that only ever act together. Every call goes to all of them.

When one rank fails, the others may wait for it forever in a collective operation. So every wait has a limit, the first
failure is raised at once, and a rank that dies or hangs takes the whole gang down; `rebuild` starts a new one.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Self

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

_POLL_S = 0.5
_GRACE_S = 5.0  # after the first failure, for the other ranks to report theirs
_ECHOES = ("RankZeroFailedError", "Connection closed by peer", "Connection reset by peer")


class LearnerGroupError(RuntimeError):
    """The learner cannot continue."""


class LearnerRankError(LearnerGroupError):
    """A rank failed or died; `__cause__` is its own error. The message holds its traceback unless it is one of ours."""

    def __init__(self, message: str, rank: int) -> None:
        super().__init__(message)
        self.rank = rank

    def __reduce__(self) -> tuple[type[Self], tuple[str, int]]:
        """Ray sends exceptions between processes, and would make this one again from its message alone."""
        return type(self), (str(self), self.rank)


class LearnerTimeoutError(LearnerGroupError):
    """A call exceeded its time limit. The ranks were ended; `rebuild` starts new ones."""


class Gang:
    """A fixed number of ranks that start, work and end together.

    An actor has the methods `open_rendezvous()`, which returns the address (host, port) where the ranks meet;
    `build(address)`, which prepares it for calls (without an address it is the only rank); and `pid()`, which is
    answered at any time.
    """

    def __init__(self, spawn: Callable[[int, str], Any], num_ranks: int, build_timeout_s: float) -> None:
        """`spawn(rank, name)` creates the actor of a rank under a name that is unique in the cluster."""
        self.num_ranks = num_ranks
        self._spawn = spawn
        self._build_timeout_s = build_timeout_s
        self._workers: list[Any] = []
        self._builds: list[Any] = []  # pending `build` calls
        self._generation = 0
        self._token = uuid.uuid4().hex[:4]

    def start(self) -> None:
        """Start the ranks without waiting for them: the others get rank 0's address as an object reference."""
        self._generation += 1
        prefix = f"learner-{self._token}.{self._generation}"
        self._workers = [self._spawn(rank, f"{prefix}-rank-{rank}") for rank in range(self.num_ranks)]
        address = self._workers[0].open_rendezvous.remote() if self.num_ranks > 1 else None
        self._builds = [worker.build.remote(address) for worker in self._workers]

    def ready(self) -> None:
        """Wait until all ranks are built.

        Raises:
            LearnerRankError: a rank failed or died.
            LearnerTimeoutError: a rank was not built in time.
        """
        if self._builds:
            builds, self._builds = self._builds, []
            self._gather("build", builds, self._build_timeout_s)

    def rebuild(self) -> None:
        """End all ranks, start new ones and wait until they are built. Raises what `ready` raises."""
        self.end()
        self.start()
        self.ready()

    def end(self) -> None:
        """Kill all ranks."""
        for worker in self._workers:
            ray.kill(worker)
        self._workers, self._builds = [], []

    def call(
        self, method: str, *args: Any, timeout_s: float, on_poll: Callable[[], None] | None = None, **kwargs: Any
    ) -> list[Any]:
        """Call `method` on all ranks and wait for all of them; returns the results by rank.

        `on_poll` is called about twice a second while the call runs. An exception in it leaves the ranks running.

        Raises:
            LearnerRankError: a rank failed or died.
            LearnerTimeoutError: a rank did not finish within `timeout_s`.
            LearnerGroupError: there are no ranks.
        """
        if not self._workers:
            raise LearnerGroupError(f"the learner has no ranks to {method}: call rebuild() first")
        self.ready()
        calls = [getattr(worker, method).remote(*args, **kwargs) for worker in self._workers]
        return self._gather(method, calls, timeout_s, on_poll)

    def query(self, rank: int, method: str) -> Any:
        """Call `method` on one rank, beside a running `call`; None if it does not answer at once."""
        call = getattr(self._workers[rank], method).remote()
        done, _ = ray.wait([call], timeout=_POLL_S)
        return ray.get(call) if done and _succeeded(call) else None

    def health(self, timeout_s: float) -> dict[int, bool]:
        """Whether each rank answers within `timeout_s`, also while it works on a call."""
        calls = {worker.pid.remote(): rank for rank, worker in enumerate(self._workers)}
        healthy = dict.fromkeys(range(self.num_ranks), False)
        done, _ = ray.wait(list(calls), num_returns=len(calls), timeout=timeout_s)
        for call in done:
            healthy[calls[call]] = _succeeded(call)
        return healthy

    def pids(self) -> list[int]:
        """The process id of every rank."""
        return self._gather("pid", [worker.pid.remote() for worker in self._workers], _GRACE_S)

    def _gather(
        self, method: str, calls: Sequence[Any], timeout_s: float, on_poll: Callable[[], None] | None = None
    ) -> list[Any]:
        """The results of one call per rank. Raises at the first failure or when the time is up.

        The ranks are ended then, unless all of them have answered: a gang whose ranks all failed cleanly, for example
        because the disk was full, can continue.
        """
        results: dict[int, Any] = {}
        failures: dict[int, RayError] = {}
        rank_of = {call: rank for rank, call in enumerate(calls)}
        deadline = time.monotonic() + timeout_s
        while rank_of and time.monotonic() < deadline:
            done, _ = ray.wait(list(rank_of), num_returns=1, timeout=_POLL_S)
            for call in done:
                rank = rank_of.pop(call)
                try:
                    results[rank] = ray.get(call)
                except RayError as error:
                    failures[rank] = error
                    deadline = min(deadline, time.monotonic() + _GRACE_S)
            if on_poll is not None and not failures:
                on_poll()
        if rank_of or any(isinstance(error, RayActorError) for error in failures.values()):
            self.end()
        if failures:
            raise _rank_error(method, failures)
        if rank_of:
            ranks = ", ".join(str(rank) for rank in sorted(rank_of.values()))
            raise LearnerTimeoutError(f"learner rank {ranks} did not finish {method!r} within {timeout_s:g} s")
        return [results[rank] for rank in range(len(calls))]


def _succeeded(call: Any) -> bool:
    try:
        ray.get(call)
    except RayError:
        return False
    return True


def _rank_error(method: str, failures: dict[int, RayError]) -> LearnerRankError:
    """The failure that explains the others: a rank that died, else the first that is not the echo of another's."""
    rank, error = min(failures.items(), key=lambda item: (not isinstance(item[1], RayActorError), _is_echo(item[1])))
    cause = error.cause if isinstance(error, RayTaskError) else error
    state = "died" if isinstance(error, RayActorError) else "failed"
    # The message of one of our own errors is enough; any other error needs its traceback.
    is_ours = type(cause).__module__.startswith(("learner.", "store."))
    raised = LearnerRankError(f"learner rank {rank} {state} in {method!r}: {cause if is_ours else error}", rank)
    raised.__cause__ = cause
    return raised


def _is_echo(error: RayError) -> bool:
    """Whether a rank failed only because another did."""
    text = str(error)
    return any(sign in text for sign in _ECHOES)
