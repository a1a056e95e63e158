"""The sampler: an RLlib EnvRunner around one rollout worker. A thin shell; `actors.worker` does the work."""

import asyncio
import inspect
import logging
import os
from collections.abc import Callable
from typing import Any

import ray
from ray.rllib.core import COMPONENT_RL_MODULE
from ray.rllib.env.env_runner import EnvRunner
from ray.rllib.utils.metrics import WEIGHTS_SEQ_NO

from actors.attempt import Attempter
from actors.codec import Codec
from actors.engine import PolicyEngine
from actors.formats import get_format
from actors.settings import SamplerSettings
from actors.telemetry import SamplerTelemetry
from actors.worker import RolloutWorker
from sandbox.equivalence import AnswerChecker
from sandbox.interpreter import Sandbox
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from sandbox.stats import SandboxStats
from store.records import PolicyPointer, Purpose
from store.store import Store

log = logging.getLogger(__name__)

_EXIT_DELAY_S = 2.0  # the driver polls every second and fetches the error in this time


class Sampler(EnvRunner):
    """An async Ray actor that continuously samples rollouts from the policy that was set last.

    RLlib's configuration object must have `sampler_settings`, `sandbox_settings`, `checker_settings` and `store_url`.
    It may have `sample_purpose`, which restricts the sampler to work for that purpose. The state is a `PolicyPointer`
    in RLlib's form, never tensors: the first one starts the engine, and each later one swaps weights while requests
    are in flight.

    When a background task fails, the actor logs the traceback, raises the error from the next `sample` and exits. Ray
    restarts it with a new engine, and the new process releases its leases.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self._settings: SamplerSettings = config.sampler_settings
        self._sandbox_settings: SandboxSettings = config.sandbox_settings
        self._checker_settings: AnswerCheckerSettings = config.checker_settings
        self._purpose: Purpose | None = getattr(config, "sample_purpose", None)
        self._format = get_format(self._settings.solution_format)
        self._engine = PolicyEngine(self._settings.engine, self._format.stop)
        self._engine.preload()
        self._store = Store.open(config.store_url, wait=True)
        self._telemetry = SamplerTelemetry(self.worker_index)
        self._state_lock = asyncio.Lock()
        self._owner = f"sampler-{self.worker_index}"
        self._store.assignments.release(self._owner)  # leases of the previous process, whose end Ray has seen
        self._sandbox: Sandbox | None = None
        self._worker: RolloutWorker | None = None
        self._background: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    def __repr__(self) -> str:
        return f"Sampler {self.worker_index}"

    async def sample(self, wait_s: float = 1.0, **_: Any) -> dict[str, Any]:
        """Return counts of what was written to the store since the last call; if nothing was, wait for up to `wait_s`.

        Raises the error that ended the background task, if it has ended.
        """
        if self._failure is not None:
            raise self._failure
        if self._worker is None:
            return {"ready": False, "version": -1}
        metrics = (await self._worker.drain_stats(wait_s)).to_metrics()
        self._telemetry.record(metrics, in_flight=self._engine.in_flight, version=self._engine.version)
        if self._sandbox is not None:
            self._telemetry.record_sandbox(self._sandbox.stats, self._sandbox.waiting)
        return {"ready": True, "version": self._engine.version, "in_flight": self._engine.in_flight, **metrics}

    async def set_state(self, state: Any) -> int:
        """Load the policy in a state (see `PolicyPointer.to_state`); returns the version that is loaded afterwards.

        Raises:
            SandboxUnavailable: code cannot be isolated on this machine.
            EngineStartError: vLLM did not start with the policy.
            SwapError: a later policy was not loaded; the sampler keeps the one it has.
        """
        policy = await _fetch_pointer(state)
        if policy is None:
            return self._engine.version
        async with self._state_lock:
            try:
                await self._load_policy(policy)
            except Exception:
                log.exception(
                    "%r did not load policy %d from %s; it keeps policy %d",
                    self,
                    policy.version,
                    policy.path,
                    self._engine.version,
                )
                raise
        return self._engine.version

    def get_state(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Only the version: everything that must survive is in the store."""
        return {WEIGHTS_SEQ_NO: self._engine.version}

    async def pause(self) -> None:
        """Stop leasing; rollouts under way are finished and written."""
        if self._worker is not None:
            self._worker.pause()

    async def resume(self) -> None:
        """Lease again."""
        if self._worker is not None:
            self._worker.resume()

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
        await asyncio.to_thread(self._store.assignments.release, self._owner)
        self._engine.close()
        self._store.close()

    async def _load_policy(self, policy: PolicyPointer) -> None:
        if self._worker is not None:
            await self._engine.swap(policy)
            return
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._background = asyncio.create_task(self._work(policy, ready), name="rollout worker")
        await ready

    async def _work(self, policy: PolicyPointer, ready: asyncio.Future[None]) -> None:
        """Start everything and work until cancelled. An error during the start is set on `ready`."""
        try:
            stats = SandboxStats()
            async with (
                Sandbox(self._sandbox_settings, stats) as sandbox,
                AnswerChecker(self._checker_settings, stats) as checker,
            ):
                await self._engine.start(policy)
                codec = await asyncio.to_thread(Codec.from_folder, policy.path, self._format)
                self._sandbox = sandbox
                self._worker = RolloutWorker(
                    self._owner,
                    self._store.assignments,
                    self._store.rollouts,
                    Attempter(self._engine, sandbox, checker, codec, self._settings),
                    self._settings,
                    lambda: self._engine.version,
                    self._purpose,
                )
                ready.set_result(None)
                await self._worker.run()
        except Exception as error:
            if not ready.done():
                self._engine.close()
                ready.set_exception(error)
                return
            log.exception("%r failed and exits; Ray restarts it", self)
            self._failure = _root_cause(error)
            await asyncio.sleep(_EXIT_DELAY_S)
            logging.shutdown()
            os._exit(1)  # not sys.exit: vLLM's threads would keep the process alive
        finally:
            ready.cancel()  # wakes the waiter if the task was cancelled during the start


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
