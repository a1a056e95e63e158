"""The promoted policy of a run, ready to solve: its engine, its sandbox, and the watch for its successor."""

import asyncio
import logging
from pathlib import Path

from actors.codec import Codec
from actors.engine import PolicyEngine, SwapError
from actors.formats import get_format
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from cluster.serving.solver import Solver
from sandbox.interpreter import Sandbox
from store.errors import StoreBusyError, StoreUnreachableError
from store.records import Policy
from store.store import Store

log = logging.getLogger(__name__)

_WATCH_EVERY_S = 2.0


def find_promoted(store: Store, folder: RunFolder) -> Policy:
    """The policy that a run would have served.

    Raises:
        ConfigError: none was promoted yet.
    """
    policy = store.policies.promoted()
    if policy is None:
        raise ConfigError(
            f"run {folder.path.name} has no promoted policy yet: the first one is promoted when it was trained and "
            "measured (`automathes status` shows it); --run FOLDER names another run"
        )
    return policy


def policy_path(policy: Policy, folder: RunFolder) -> Path:
    """Where a policy lies: as recorded, or in the run's folder if that was moved.

    Raises:
        ConfigError: it is in neither place.
    """
    for path in (Path(policy.path), folder.policy(policy.version)):
        if path.is_dir():
            return path
    raise ConfigError(f"policy {policy.version} of run {folder.path.name} is gone: there is no folder {policy.path}")


def model_name(folder: RunFolder, version: int | None = None) -> str:
    """The id that clients use: of one version, or of whichever is promoted."""
    name = f"automathes/{folder.path.name}"
    return name if version is None else f"{name}@v{version}"


class PromotedPolicy:
    """Follows a run: when another policy is promoted, its weights are swapped in while requests are in flight."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.config = folder.read_config()
        self._store = Store.open(folder.store_url(self.config), create=False)
        self._format = get_format(self.config.sampler.solution_format)
        self._engine = PolicyEngine(self.config.sampler.engine, self._format.stop)
        self._sandbox = Sandbox(self.config.sandbox)
        self._solver: Solver | None = None
        self._watch: asyncio.Task[None] | None = None
        self._refused: int | None = None

    @property
    def version(self) -> int:
        """The version that answers now."""
        return self._engine.version

    @property
    def solver(self) -> Solver:
        """Makes solutions."""
        assert self._solver is not None, "not started"
        return self._solver

    async def start(self) -> None:
        """Loads the promoted policy and begins to follow the run.

        Raises:
            ConfigError: there is no such policy.
            EngineStartError: vLLM refused it.
            SandboxUnavailable: code cannot be isolated here.
        """
        policy = find_promoted(self._store, self.folder)
        path = policy_path(policy, self.folder)
        await self._sandbox.start()
        await self._engine.start(path, policy.version)
        codec = await asyncio.to_thread(Codec.from_folder, path, self._format)
        sampler = self.config.sampler
        self._solver = Solver(self._engine, self._sandbox, codec, sampler.limits, sampler.engine.max_model_len)
        self._watch = asyncio.create_task(self._follow(), name="watch for promotions")

    async def close(self) -> None:
        """Ends the engine and the sandbox with their processes."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch], timeout=_WATCH_EVERY_S)
        self._engine.close()
        await self._sandbox.close()
        self._store.close()

    async def check_health(self) -> None:
        """Raises what killed the engine or the watch, if one is dead."""
        if self._watch is not None and self._watch.done():
            self._watch.result()
        await self._engine.check_health()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            try:
                promoted = await asyncio.to_thread(self._store.policies.promoted)
            except (StoreBusyError, StoreUnreachableError) as error:
                log.warning("cannot see which policy is promoted: %s; going on with %d", error, self.version)
                continue
            if promoted is not None and promoted.version not in (self.version, self._refused):
                await self._take(promoted)

    async def _take(self, promoted: Policy) -> None:
        try:
            await self._engine.swap(policy_path(promoted, self.folder), promoted.version)
            log.info("policy %d is served from now on", promoted.version)
        except (SwapError, ConfigError):
            log.exception("policy %d is promoted but cannot be served; %d stays", promoted.version, self.version)
            self._refused = promoted.version
