"""What a replica serves: the policy that is promoted at any time, or pinned versions."""

import asyncio
import logging
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from actors.engine import SwapError
from actors.scoring.published import ValueFiles
from actors.settings import EngineSettings
from cluster.config.run_config import ConfigError, RunConfig
from cluster.serving.errors import ApiError
from cluster.serving.policies.loaded import LoadedPolicy
from cluster.serving.policies.run_policies import model_name
from cluster.serving.policies.sources import Source
from cluster.serving.policies.value_model import LoadedValueModel
from cluster.serving.solving.slots import Slots
from sandbox.interpreter import Sandbox
from store.artifacts.errors import StorageError
from store.errors import StoreError

log = logging.getLogger(__name__)

POLL_INTERVAL_S = 2.0


class Versions(BaseModel):
    """Which versions are served: one pinned or else the promoted one, and others beside it for comparison."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pinned: int | None = None
    beside: tuple[int, ...] = ()


class ServedPolicies:
    """The policies of a replica, each in an engine of its own, with one sandbox, one value model and the same slots."""

    def __init__(
        self, source: Source, config: RunConfig, versions: Versions, value_model: ValueFiles | None = None
    ) -> None:
        self.source = source
        self.config = config
        self._versions = versions
        self._policies = source.open(config)
        self._sandbox = Sandbox(config.sandbox)
        self.slots = Slots(config.sampler.engine.max_concurrent_rollouts, config.serving)
        self._value_model = None if value_model is None else LoadedValueModel(value_model, config.sampler.engine)
        settings = _shared(config, 1 + len(versions.beside) + (value_model is not None))

        def load() -> LoadedPolicy:
            return LoadedPolicy(config, settings, self._sandbox, self.slots, self._value_model)

        self.main = load()
        self._beside = {version: load() for version in versions.beside}
        self._starting: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._rejected: int | None = None  # a promoted version that could not be loaded
        self._warned: str | None = None  # the last warning, while it holds

    def begin(self) -> "asyncio.Task[None]":
        """Check that all policies can be found, and begin to load them.

        Returns the task that loads them: it ends with an `EngineStartError` if vLLM does not start with one, with a
        `ScoringError` if the value model cannot be loaded, with `SandboxUnavailable` if code cannot be isolated on this
        machine.

        Raises:
            ConfigError: there is no such policy, or its folder is missing.
            StorageError: the storage cannot be reached.
        """
        for version in (self._versions.pinned, *self._versions.beside):
            self._policies.locate(version)
        self._starting = asyncio.create_task(self._start(), name="load the policies")
        return self._starting

    async def _start(self) -> None:
        await self._sandbox.start()
        if self._value_model is not None:
            await self._value_model.start()
        for version, loaded in ((self._versions.pinned, self.main), *self._beside.items()):
            await loaded.start(await asyncio.to_thread(self._policies.locate, version))
        if self._versions.pinned is None:
            self._watch = asyncio.create_task(self._watch_promotions(), name="watch for promotions")

    async def close(self) -> None:
        """Stop the engines and the sandbox with their processes."""
        tasks = [task for task in (self._starting, self._watch) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=POLL_INTERVAL_S)
        for loaded in self._all():
            loaded.engine.close()
        if self._value_model is not None:
            await self._value_model.close()
        await self._sandbox.close()
        self._policies.close()

    @property
    def is_ready(self) -> bool:
        """Whether all policies are loaded."""
        return self._starting is not None and self._starting.done() and self.failure is None

    @property
    def failure(self) -> str | None:
        """Why the policies could not be loaded, None if they could or are being loaded."""
        if self._starting is None or not self._starting.done() or self._starting.cancelled():
            return None
        error = self._starting.exception()
        return None if error is None else f"{type(error).__name__}: {error}"

    def require_ready(self) -> None:
        """Check that the policies are loaded.

        Raises:
            ApiError: they are not yet.
        """
        if self.is_ready:
            return
        retry_after_s = self.config.serving.retry_after_s
        if self.failure is not None:
            raise ApiError(503, self.failure, code="not_loadable", retry_after_s=retry_after_s)
        raise ApiError(503, "the policy is being loaded: repeat the request", None, "not_ready", retry_after_s)

    async def check_health(self) -> None:
        """Re-raise the error that ended the start, an engine or the watch, if one has failed."""
        for task in (self._starting, self._watch):
            if task is not None and task.done():
                task.result()
        if self.is_ready:
            for loaded in self._all():
                await loaded.engine.check_health()

    # ---------------------------------------------------------------- models

    def names(self) -> dict[str, LoadedPolicy]:
        """The loaded policies by the ids that clients use: by version, and the main one without a version too."""
        names = {model_name(self.source.name, version): loaded for version, loaded in self._beside.items()}
        main = {model_name(self.source.name, self.main.version): self.main, model_name(self.source.name): self.main}
        return {**main, **{name: loaded for name, loaded in names.items() if name not in main}}

    def find(self, name: str | None) -> LoadedPolicy:
        """The policy with an id; without one, the main policy.

        Raises:
            ApiError: it is not served.
        """
        names = self.names()
        if name is not None and name not in names:
            served = " and ".join(repr(known) for known in names)
            raise ApiError(404, f"model {name!r} is not served, only {served}", "model", "model_not_found")
        return self.main if name is None else names[name]

    def _all(self) -> Iterator[LoadedPolicy]:
        yield self.main
        yield from self._beside.values()

    # ---------------------------------------------------------------- promotions

    async def _watch_promotions(self) -> None:
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            try:
                promoted = await asyncio.to_thread(self._policies.promoted_version)
            except StoreError as error:  # whatever it is: what is loaded can be served without the store
                self._warn(f"cannot read which policy is promoted: {error}")
                continue
            if promoted is None or promoted == self._rejected:
                continue
            self._rejected = None  # it may be promoted again once it was repaired
            if promoted != self.main.version:
                await self._swap_in(promoted)
            else:
                self._warned = None

    async def _swap_in(self, version: int) -> None:
        try:
            await self.main.engine.swap(await asyncio.to_thread(self._policies.locate, version))
            log.info("now serving policy %d", version)
        except (StorageError, StoreError, ConfigError) as error:  # cheap to look for, and it may come back
            self._warn(f"promoted policy {version} cannot be found, it is tried again: {error}")
        except SwapError as error:
            if _may_pass(error):
                self._warn(f"promoted policy {version} was not loaded, it is tried again: {error}")
                return
            self._warn(f"promoted policy {version} was not loaded, promote it again once it is repaired: {error}")
            self._rejected = version

    def _warn(self, message: str) -> None:
        """Log what keeps a promotion from being followed, once while it lasts."""
        if message != self._warned:
            log.warning("still serving policy %d: %s", self.main.version, message)
        self._warned = message


def _may_pass(error: BaseException | None) -> bool:
    """Whether an error comes of a storage that could not be reached for a while."""
    while error is not None and not isinstance(error, StorageError):
        error = error.__cause__
    return error is not None and error.may_pass


def _shared(config: RunConfig, engines: int) -> EngineSettings:
    """The settings of each of several engines that share the accelerators of a replica; a value model counts as one."""
    engine = config.sampler.engine
    return engine.model_copy(update={"gpu_memory_utilization": engine.gpu_memory_utilization / engines})
