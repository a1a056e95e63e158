"""A gang: ranks, one Ray actor each, that only ever act together. Every call goes to all of them.

When one rank fails, the others may wait for it forever in a collective operation. So the first failure is raised at
once, and a rank that dies or makes no progress takes the whole gang down; `rebuild` starts a new one.
"""

import math
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError

from learner.progress import RankProgress
from learner.ranks.silence import Silence, SilenceLimits, SilenceWatch

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


class LearnerSilenceError(LearnerGroupError):
    """A rank made no progress for too long. The ranks were ended; `rebuild` starts new ones."""

    def __init__(self, message: str, rank: int) -> None:
        super().__init__(message)
        self.rank = rank

    def __reduce__(self) -> tuple[type[Self], tuple[str, int]]:
        """As that of `LearnerRankError`."""
        return type(self), (str(self), self.rank)


class Gang:
    """A fixed number of ranks that start, work and end together. `progress` has what each last reported.

    An actor has the methods `open_rendezvous()`, which returns the address (host, port) where the ranks meet;
    `build(address)`, which prepares it for calls (without an address it is the only rank); and `pid()` and
    `progress()`, a `RankProgress`, which are answered at any time.
    """

    def __init__(self, spawn: Callable[[int], Any], num_ranks: int, limits: SilenceLimits) -> None:
        """`spawn(rank)` creates the actor of a rank."""
        self.num_ranks = num_ranks
        self.limits = limits
        self.progress: dict[int, RankProgress] = {}
        self._spawn = spawn
        self._workers: list[Any] = []
        self._builds: list[Any] = []  # pending `build` calls
        self._generation = 0
        self._token = uuid.uuid4().hex[:4]

    @property
    def is_alive(self) -> bool:
        """Whether there are ranks: they have not ended and were not ended after a failure."""
        return bool(self._workers)

    @property
    def not_started(self) -> list[Any]:
        """The actors of all ranks while none of them has reported, and Ray may still have to place them; else none."""
        return [] if self.progress else list(self._workers)

    @property
    def activity(self) -> str:
        """What the rank that is furthest behind does, or which ranks have not started."""
        missing = [rank for rank in range(self.num_ranks) if rank not in self.progress]
        if missing:
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            return f"learner rank {missing[0]}{others} starts"
        last = min(self.progress, key=lambda rank: (self.progress[rank].waits, self.progress[rank].count))
        return f"learner rank {last} {self.progress[last].activity}"

    @property
    def name(self) -> str:
        """The name of these ranks, which no other gang has."""
        return f"{self._token}.{self._generation}"

    def start(self) -> None:
        """Start the ranks without waiting for them: the others get rank 0's address as an object reference."""
        self._generation += 1
        self.progress = {}
        self._workers = [self._spawn(rank) for rank in range(self.num_ranks)]
        address = self._workers[0].open_rendezvous.remote() if self.num_ranks > 1 else None
        self._builds = [worker.build.remote(address) for worker in self._workers]

    def ready(self, on_poll: Callable[[], None] | None = None) -> None:
        """Wait until all ranks are built. `on_poll` as in `call`.

        Raises:
            LearnerRankError: a rank failed or died.
            LearnerSilenceError: a rank did not start, or made no progress.
        """
        if not self._builds:
            return
        try:
            self._gather("build", self._builds, on_poll)
        except LearnerGroupError:
            self.end()  # what was not built cannot be called
            raise
        self._builds = []

    def rebuild(self, on_poll: Callable[[], None] | None = None) -> None:
        """End all ranks, start new ones and wait until they are built. Raises what `ready` raises."""
        self.end()
        self.start()
        self.ready(on_poll)

    def end(self) -> None:
        """Kill all ranks."""
        for worker in self._workers:
            ray.kill(worker)
        self._workers, self._builds = [], []

    def call(
        self,
        method: str,
        *args: Any,
        on_poll: Callable[[], None] | None = None,
        timeout_s: float | None = None,
        **kwargs: Any,
    ) -> list[Any]:
        """Call `method` on all ranks and wait for all of them; returns the results by rank.

        `on_poll` is called about twice a second while the call runs. An exception in it leaves the ranks running. With
        `timeout_s` the call may take that long, with or without progress.

        Raises:
            LearnerRankError: a rank failed or died.
            LearnerSilenceError: a rank made no progress.
            LearnerGroupError: there are no ranks.
        """
        if not self._workers:
            raise LearnerGroupError(f"the learner has no ranks to {method}: call rebuild() first")
        self.ready(on_poll)
        calls = [getattr(worker, method).remote(*args, **kwargs) for worker in self._workers]
        return self._gather(method, calls, on_poll, timeout_s)

    def forget_steps(self) -> None:
        """Forget the steps of the last training, which the ranks reported and another one has begun since."""
        for rank, progress in self.progress.items():
            self.progress[rank] = replace(progress, step=0, total=0, last_step=None)

    def notify(self, method: str, *args: Any) -> list[Any]:
        """Call a method that is answered at any time, without waiting; returns the references."""
        return [getattr(worker, method).remote(*args) for worker in self._workers]

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
        return self._gather("pid", self.notify("pid"), timeout_s=_GRACE_S)

    def _gather(
        self,
        method: str,
        calls: Sequence[Any],
        on_poll: Callable[[], None] | None = None,
        timeout_s: float | None = None,
    ) -> list[Any]:
        """The results of one call per rank. Raises at the first failure, or when a rank is silent.

        The ranks are ended then, unless all of them have answered: a gang whose ranks all failed cleanly, for example
        because the disk was full, can continue.
        """
        results: dict[int, Any] = {}
        failures: dict[int, RayError] = {}
        rank_of = {call: rank for rank, call in enumerate(calls)}
        listener = _Listener(self._workers, SilenceWatch(self.num_ranks, self.limits, self.progress), self.progress)
        deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        silence: Silence | None = None
        while rank_of and time.monotonic() < deadline and silence is None:
            done, _ = ray.wait(list(rank_of), num_returns=1, timeout=_POLL_S)
            for call in done:
                rank = rank_of.pop(call)
                try:
                    results[rank] = ray.get(call)
                except RayError as error:
                    failures[rank] = error
                    deadline = min(deadline, time.monotonic() + _GRACE_S)
            listener.listen()
            if not failures:
                silence = listener.watch.find(list(rank_of.values())) if timeout_s is None else None
                if on_poll is not None:
                    on_poll()
        if rank_of or any(isinstance(error, RayActorError) for error in failures.values()):
            self.end()
        if failures:
            raise _rank_error(method, failures)
        if silence is not None:
            raise LearnerSilenceError(f"{silence} (in {method!r}, see learner.silence_s)", silence.rank)
        if rank_of:
            rank = min(rank_of.values())
            raise LearnerSilenceError(f"learner rank {rank} did not finish {method!r} within {timeout_s:g} s", rank)
        return [results[rank] for rank in range(len(calls))]


class _Listener:
    """Asks each rank for its progress, one question at a time, and never waits for an answer."""

    def __init__(self, workers: Sequence[Any], watch: SilenceWatch, progress: dict[int, RankProgress]) -> None:
        self.watch = watch
        self._workers = list(workers)
        self._progress = progress
        self._asked: dict[Any, int] = {}

    def listen(self) -> None:
        """Record the answers that are there, and ask again."""
        done: list[Any] = []
        if self._asked:
            done, _ = ray.wait(list(self._asked), num_returns=len(self._asked), timeout=0)
        for answer in done:
            rank = self._asked.pop(answer)
            if _succeeded(answer):
                self._progress[rank] = ray.get(answer)
                self.watch.hear(rank, self._progress[rank])
        for rank, worker in enumerate(self._workers):
            if rank not in self._asked.values():
                self._asked[worker.progress.remote()] = rank


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
