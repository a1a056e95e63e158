"""The sampler: an RLlib EnvRunner around one rollout worker. A thin shell; `actors.sampling.worker` does the work."""

import asyncio
import inspect
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.rllib.core import COMPONENT_RL_MODULE
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils.metrics import WEIGHTS_SEQ_NO

from actors.attempts.attempt import Attempter
from actors.engine import PolicyEngine
from actors.formats import get_format
from actors.rollouts.codec import Codec
from actors.sampling.following import PolicyFollower
from actors.sampling.pauses import Pauses
from actors.sampling.reporting import StateReporter
from actors.sampling.stats import RolloutStats
from actors.sampling.store_calls import StoreCalls
from actors.sampling.telemetry import SamplerTelemetry
from actors.sampling.temporary import TemporaryFolder
from actors.sampling.worker import LeaseTerms, RolloutWorker
from actors.settings import SamplerSettings
from sandbox.equivalence import AnswerChecker
from sandbox.interpreter import Sandbox
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from sandbox.stats import SandboxStats
from store.records import PolicyPointer
from store.runs.samplers import SamplerState
from store.settings import StorageSettings
from store.store import Store

log = logging.getLogger(__name__)

_EXIT_DELAY_S = 2.0  # the driver polls every second and fetches the error in this time
_POLICY_POLL_S = 1.0
_CLOSE_S = 20.0


class Sampler(EnvRunner):
    """An async Ray actor that continuously samples rollouts with the policy that its leases name.

    RLlib's configuration object must have `sampler_settings`, `sandbox_settings`, `checker_settings` and `store_url`.
    It may have `run_folder`, whose name is the run's, `storage_settings`, for policies under a URL, `sample_purpose`,
    which restricts the sampler to work for that purpose, and `sample_policy`, the only version that it loads.

    The first call of `sample` starts it, whether or not it is the first process of its name: nothing else has to be
    sent to one that was restarted. When a background task fails, the actor logs the traceback, raises the error from
    the next `sample` and exits. Ray restarts it with a new engine, and the new process releases its leases.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self._settings: SamplerSettings = config.sampler_settings
        reserved = self._settings.sandbox_cpus
        self._sandbox_settings: SandboxSettings = config.sandbox_settings.with_processors(reserved)
        self._checker_settings: AnswerCheckerSettings = config.checker_settings.with_processors(reserved)
        self._run_name = Path(getattr(config, "run_folder", "")).name
        self._format = get_format(self._settings.solution_format)
        self._temporary = TemporaryFolder(f"{config.store_url} {self.worker_index}")
        self._storage: StorageSettings | None = getattr(config, "storage_settings", None)
        self._engine = self._new_engine()
        self._engine.preload()
        self._store = Store.open(config.store_url, wait=True)
        self._calls = StoreCalls(self._settings.store_retry_s)
        self._telemetry = SamplerTelemetry(self._run_name, self.worker_index)
        self._terms = LeaseTerms(
            f"sampler-{self.worker_index}",
            getattr(config, "sample_purpose", None),
            getattr(config, "sample_policy", None),
        )
        self._pauses = Pauses(self._store.run, self._calls, self._settings.pause_release_s)
        self._store.assignments.release(self._terms.owner)  # leases of the previous process, whose end Ray has seen
        self._starts = self._store.samplers.register(self._terms.owner, socket.gethostname())
        self._first_policy: PolicyPointer | None = None  # set through RLlib before the engine has started
        self._sandbox: Sandbox | None = None
        self._worker: RolloutWorker | None = None
        self._follower: PolicyFollower | None = None
        self._background: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    def __repr__(self) -> str:
        """What Ray's dashboard and logs call the actor."""
        return f"{self._run_name}/{self._terms.owner} on {socket.gethostname()}"

    async def sample(self, wait_s: float = 1.0, **_: Any) -> dict[str, Any]:
        """Return counts of what was written to the store since the last call; if nothing was, wait for up to `wait_s`.

        The first call starts the sampler. Raises the error that ended the background task, if it has ended.
        """
        self._start()
        if self._failure is not None:
            raise self._failure
        state, detail = self._state()
        report = {
            "name": self._terms.owner,
            "state": state.value,
            "detail": detail,
            "starts": self._starts,
            "version": self._engine.version,
            "progress": self._engine.tokens_sampled + self._engine.bytes_read,
        }
        worker = self._worker
        if worker is None:
            await asyncio.sleep(wait_s)
            return {**report, "ready": False, "held": 0}
        stats = await worker.drain_stats(wait_s)  # a pause may stop the worker meanwhile
        self._record(stats)
        counts, in_flight = stats.to_metrics(), self._engine.in_flight
        return {**report, "ready": True, "held": worker.held, "in_flight": in_flight, **counts}

    def _record(self, stats: RolloutStats) -> None:
        engine, telemetry = self._engine, self._telemetry
        telemetry.record(stats)
        telemetry.record_engine(engine.load, engine.in_flight, engine.version)
        if self._sandbox is not None:
            telemetry.record_sandbox(self._sandbox)

    async def set_state(self, state: Any) -> int:
        """Load the policy in a state (see `PolicyPointer.to_state`), as a lease that names it would.

        Returns:
            The version that is loaded afterwards.

        Raises:
            SwapError: the policy was not loaded; the sampler keeps the one it has.
        """
        policy = await _fetch_pointer(state)
        if policy is not None and self._follower is not None:
            await self._follower.loaded(policy)
        elif policy is not None:
            self._first_policy = policy
            self._start()
        return self._engine.version

    def get_state(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Only the version: everything that must survive is in the store."""
        return {WEIGHTS_SEQ_NO: self._engine.version}

    async def apply(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call `func` with this actor, and await the result if it is awaitable, which RLlib's version does not."""
        result = func(self, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    def get_spaces(self) -> dict[str, Any]:
        """Empty: there is no gym environment."""
        return {}

    def get_metrics(self) -> dict[str, Any]:
        """Empty: `sample` returns the metrics."""
        return {}

    def assert_healthy(self) -> None:
        """A sampler that answers is healthy: a failed background task ends the process."""

    async def stop(self) -> None:
        """Stop sampling, release the leases, and close the engine and the sandbox."""
        if self._background is not None:
            self._background.cancel()
            await asyncio.wait([self._background], timeout=10.0)
        await asyncio.to_thread(self._store.assignments.release, self._terms.owner)
        await asyncio.to_thread(self._store.samplers.remove, self._terms.owner)
        self._engine.close()
        self._temporary.remove()
        self._store.close()

    # ---------------------------------------------------------------- the background task

    def _start(self) -> None:
        if self._background is None:
            self._background = asyncio.create_task(self._run(), name="sampler")

    async def _run(self) -> None:
        """Start everything and sample until cancelled; an error ends the process."""
        try:
            stats = SandboxStats()
            async with (
                Sandbox(self._sandbox_settings, stats) as sandbox,
                AnswerChecker(self._checker_settings, stats) as checker,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(self._report(), name="report")
                while True:
                    await self._start_engine()
                    self._sandbox = sandbox
                    attempter = Attempter(self._engine, sandbox, checker, await self._codec(), self._settings)
                    await self._sample_until_a_long_pause(attempter)
                    await self._release_engine()
        except Exception as error:
            log.exception("%r failed and exits; Ray restarts it", self)
            self._failure = _root_cause(error)
            await asyncio.sleep(_EXIT_DELAY_S)
            with suppress(TimeoutError):  # kills its processes: one that is stopped would stay
                await asyncio.wait_for(asyncio.to_thread(self._engine.close), _CLOSE_S)
            self._temporary.remove()
            logging.shutdown()
            os._exit(1)  # not sys.exit: vLLM's threads would keep the process alive

    async def _report(self) -> None:
        reporter = StateReporter(self._terms.owner, self._store.samplers, self._settings.report_interval_s)
        await reporter.run(
            self._state,
            lambda: self._engine.version,
            lambda: self._engine.tokens_sampled + self._engine.bytes_read,
            self._doing,
        )

    async def _start_engine(self) -> None:
        """Start the engine with the policy that the store names, or RLlib if it came first; not in a pause."""
        terms, policy, evaluators = self._terms, self._first_policy, self._settings.evaluation_samplers
        if terms.purpose is None:  # else it is no part of the run, whose pauses do not concern it
            await self._pauses.over()
        while policy is None:
            policy = await self._calls.call(
                lambda: self._store.assignments.policy_to_load(terms.owner, terms.purpose, terms.pinned, evaluators)
            )
            if policy is None:
                await asyncio.sleep(_POLICY_POLL_S)
        await self._engine.start(policy)

    async def _sample_until_a_long_pause(self, attempter: Attempter) -> None:
        async with asyncio.TaskGroup() as tasks:
            sampling = tasks.create_task(self._sample(attempter), name="sample")
            if self._terms.purpose is None:
                await self._pauses.long(lambda: self._worker is not None and not self._worker.held)
                sampling.cancel()

    async def _release_engine(self) -> None:
        """Give the engine's memory back: by its end, which also frees what vLLM's sleep would keep."""
        log.info("%r stops its engine for the rest of the pause", self)
        self._follower = self._worker = self._first_policy = None
        await asyncio.to_thread(self._engine.close)
        self._engine = self._new_engine()

    def _new_engine(self) -> PolicyEngine:
        return PolicyEngine(
            self._settings.engine,
            self._format.stop,
            end_on_repetition=self._settings.limits.end_on_repetition,
            storage=self._storage,
        )

    async def _codec(self) -> Codec:
        return await asyncio.to_thread(Codec.from_folder, self._engine.folder, self._format)

    async def _sample(self, attempter: Attempter) -> None:
        follower = PolicyFollower(self._engine, lambda: worker.evaluations_settled())
        worker = RolloutWorker(
            self._terms, self._store.assignments, self._store.rollouts, attempter, self._settings, follower
        )
        self._follower, self._worker = follower, worker
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follower.run(), name="follow the store")
            tasks.create_task(worker.run(), name="rollout worker")

    def _state(self) -> tuple[SamplerState, str | None]:
        """What this sampler does, and details if something holds it up."""
        worker, follower = self._worker, self._follower
        waits_for = self._calls.waits_for or (worker.waits_for if worker else None)
        if waits_for is not None:
            return SamplerState.WAITING, f"waits for the store: {waits_for}"
        if self._pauses.are_waited_for:
            return SamplerState.IDLE, "no engine while the run is paused"
        if worker is None or follower is None:
            return SamplerState.STARTING, f"start {self._starts}" if self._starts > 1 else None
        if follower.target is not None:
            return SamplerState.LOADING, follower.refusal
        return (SamplerState.SAMPLING if worker.held else SamplerState.IDLE), None

    def _doing(self) -> str | None:
        """What the sampler is at, in numbers; None while it has no work."""
        if self._worker is None or self._sandbox is None or not self._worker.held:
            return None
        parts = [f"{self._worker.held} attempts held", f"{self._engine.in_flight} in the engine"]
        parts += [f"{self._sandbox.waiting} wait for the sandbox"] * bool(self._sandbox.waiting)
        return ", ".join(parts)


async def _fetch_pointer(state: Any) -> PolicyPointer | None:
    """The pointer in a state, None without one. RLlib may pass the state, or the part in it, as an object reference."""
    if isinstance(state, ray.ObjectRef):
        state = await state
    pointer = state.get(COMPONENT_RL_MODULE)
    if isinstance(pointer, ray.ObjectRef):
        pointer = await pointer
    return None if pointer is None else PolicyPointer.from_state({COMPONENT_RL_MODULE: pointer})


def _root_cause(error: Exception) -> Exception:
    """The first error of a group, from which the others follow."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
