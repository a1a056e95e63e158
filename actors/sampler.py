"""The sampler: the RLlib EnvRunner around one rollout worker. A thin shell; the work is in `actors.worker`."""

import asyncio
import inspect
import logging
import os
from collections.abc import Callable
from pathlib import Path
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
from actors.worker import RolloutWorker, as_metrics
from sandbox.equivalence import AnswerChecker
from sandbox.interpreter import Sandbox
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from sandbox.stats import SandboxStats
from store.records import Purpose
from store.store import Store

log = logging.getLogger(__name__)

_LAST_WORDS_S = 2.0  # in which the driver, which asks every second, hears why


class Sampler(EnvRunner):
    """An async Ray actor that samples rollouts from the policy it was last given, without pause.

    The configuration object that RLlib hands it carries `sampler_settings`, `sandbox_settings`,
    `checker_settings` and `store_url`, and may carry `sample_purpose`: then it takes work for that one alone.
    The state called "rl_module" is a pointer, `{"path": folder, "version": int}`, never tensors. The first one starts
    the engine; each further one swaps weights while requests are in flight.

    When a background task fails, the actor logs the traceback, tells whoever asks next why, and leaves, so that Ray
    starts it afresh with a new engine; what it had leased goes back.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self._settings: SamplerSettings = config.sampler_settings
        self._sandbox_settings: SandboxSettings = config.sandbox_settings
        self._checker_settings: AnswerCheckerSettings = config.checker_settings
        self._purpose: Purpose | None = getattr(config, "sample_purpose", None)
        self._store = Store.open(config.store_url, wait=True)
        self._format = get_format(self._settings.solution_format)
        self._engine = PolicyEngine(self._settings.engine, self._format.stop)
        self._telemetry = SamplerTelemetry(self.worker_index)
        self._state_lock = asyncio.Lock()
        self._owner = f"sampler-{self.worker_index}"
        self._store.assignments.release(self._owner)  # of an earlier life, which Ray saw end before it began this one
        self._sandbox: Sandbox | None = None
        self._worker: RolloutWorker | None = None
        self._background: asyncio.Task[None] | None = None
        self._failure: Exception | None = None

    def __repr__(self) -> str:
        return f"Sampler {self.worker_index}"

    async def sample(self, wait_s: float = 1.0, **_: Any) -> dict[str, Any]:
        """What was written to the store since the last call, as counts; waits for something at most `wait_s`.

        Raises what a background task failed of.
        """
        if self._failure is not None:
            raise self._failure
        if self._worker is None:
            return {"ready": False, "version": -1}
        tally = await self._worker.take_tally(wait_s)
        metrics = as_metrics(tally)
        self._telemetry.record(metrics, in_flight=self._engine.in_flight, version=self._engine.version)
        if self._sandbox is not None:
            self._telemetry.record_sandbox(self._sandbox.stats, self._sandbox.waiting)
        return {"ready": True, "version": self._engine.version, "in_flight": self._engine.in_flight, **metrics}

    async def set_state(self, state: Any) -> int:
        """Takes the policy that `state["rl_module"]` points to; returns the version that is loaded afterwards.

        Raises:
            SandboxUnavailable: code cannot be isolated on this machine.
            EngineStartError: vLLM did not start with the policy.
            SwapError: a further policy did not load; the sampler goes on with the one it has.
        """
        if isinstance(state, ray.ObjectRef):
            state = await state
        pointer = state.get(COMPONENT_RL_MODULE)
        if isinstance(pointer, ray.ObjectRef):
            pointer = await pointer
        if pointer is None:
            return self._engine.version
        async with self._state_lock:
            try:
                await self._take_policy(pointer["path"], int(pointer["version"]))
            except Exception:
                log.exception("%r does not take policy %s and keeps %d", self, pointer, self._engine.version)
                raise
        return self._engine.version

    def get_state(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Nothing but the version: everything that must survive is in the store."""
        return {WEIGHTS_SEQ_NO: self._engine.version}

    async def pause(self) -> None:
        """Leases no further problems; rollouts under way are finished and written."""
        if self._worker is not None:
            self._worker.pause()

    async def resume(self) -> None:
        """Leases problems again."""
        if self._worker is not None:
            self._worker.resume()

    async def apply(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Calls `func` with this actor; RLlib's own version cannot await."""
        result = func(self, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    def get_spaces(self) -> dict[str, Any]:
        """None: there is no gym environment."""
        return {}

    def get_metrics(self) -> dict[str, Any]:
        """Metrics come with `sample`."""
        return {}

    def assert_healthy(self) -> None:
        """Healthy is who answers: a failed background task ends the actor."""

    async def stop(self) -> None:
        """Stops sampling, hands leases back, and ends the engine and the sandbox."""
        if self._background is not None:
            self._background.cancel()
            await asyncio.wait([self._background], timeout=10.0)
        await asyncio.to_thread(self._store.assignments.release, self._owner)
        self._engine.close()
        self._store.close()

    async def _take_policy(self, folder: str, version: int) -> None:
        if self._worker is not None:
            await self._engine.swap(folder, version)
            return
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._background = asyncio.create_task(self._work(folder, version, ready), name="rollout worker")
        await ready

    async def _work(self, folder: str, version: int, ready: asyncio.Future[None]) -> None:
        """Starts everything and works until cancelled; a failure on the way to `ready` is told there."""
        try:
            counts = SandboxStats()
            async with (
                Sandbox(self._sandbox_settings, counts) as sandbox,
                AnswerChecker(self._checker_settings, counts) as checker,
            ):
                await self._engine.start(folder, version)
                codec = await asyncio.to_thread(Codec.from_folder, Path(folder), self._format)
                self._sandbox = sandbox
                attempter = Attempter(self._engine, sandbox, checker, codec, self._settings)
                self._worker = RolloutWorker(
                    self._owner, self._store, attempter, self._settings, lambda: self._engine.version, self._purpose
                )
                ready.set_result(None)
                await self._worker.run()
        except Exception as error:
            if not ready.done():
                self._engine.close()
                ready.set_exception(error)
                return
            log.exception("%r failed and leaves; Ray starts it afresh", self)
            self._failure = _cause(error)
            await asyncio.sleep(_LAST_WORDS_S)
            logging.shutdown()
            os._exit(1)  # not sys.exit: vLLM's threads would keep a dead sampler's process alive
        finally:
            ready.cancel()  # so that nobody waits who did not hear


def _cause(error: Exception) -> Exception:
    """The first error of a group of errors: what the others follow from."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
