"""The promoted policy of a run, ready to solve: its engine, its sandbox, and a watch for promotions."""

import asyncio
import logging

from actors.engine import PolicyEngine, SwapError
from actors.formats import get_format
from actors.rollouts.codec import Codec
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder
from cluster.serving.solver import Solver
from sandbox.interpreter import Sandbox
from store.artifacts.errors import StorageError
from store.errors import StoreBusyError, StoreUnreachableError
from store.records import Policy, PolicyPointer
from store.store import Store

log = logging.getLogger(__name__)

_POLL_INTERVAL_S = 2.0


def find_promoted(store: Store, folder: RunFolder) -> Policy:
    """The promoted policy of a run.

    Raises:
        ConfigError: no policy has been promoted yet.
    """
    policy = store.policies.promoted()
    if policy is None:
        raise ConfigError(
            f"run {folder.path.name} has no promoted policy yet: the first one is promoted after it was trained and "
            "evaluated (`automathes status` shows it); --run FOLDER serves another run"
        )
    return policy


def locate_policy(policy: Policy, folder: RunFolder) -> PolicyPointer:
    """A pointer to the recorded folder of a policy, or to its place in the run's folder if the run was moved.

    Raises:
        ConfigError: it was pruned, or neither folder exists.
        StorageError: the storage cannot be reached.
    """
    return PolicyPointer(policy.version, str(folder.require_policy(policy)), policy.checksum)


def model_name(folder: RunFolder, version: int | None = None) -> str:
    """The model id that clients use, for one version or for the promoted policy at any time."""
    name = f"automathes/{folder.path.name}"
    return name if version is None else f"{name}@v{version}"


class PromotedPolicy:
    """Serves a run's promoted policy; after a promotion, swaps in the new weights while requests are in flight."""

    def __init__(self, folder: RunFolder, config: RunConfig) -> None:
        """The folder itself need not be on this machine, if its store and its policies are not in it."""
        self.folder = folder
        self.config = config
        self._store = Store.open(folder.store_url(self.config), create=False)
        self._format = get_format(self.config.sampler.solution_format)
        sampler = self.config.sampler
        self._engine = PolicyEngine(
            sampler.engine,
            self._format.stop,
            end_on_repetition=sampler.limits.end_on_repetition,
            storage=config.storage,
        )
        self._sandbox = Sandbox(self.config.sandbox)
        self._solver: Solver | None = None
        self._watch: asyncio.Task[None] | None = None
        self._rejected: int | None = None  # a promoted version that could not be loaded

    @property
    def version(self) -> int:
        """The version that is loaded."""
        return self._engine.version

    @property
    def solver(self) -> Solver:
        """The solver, available after `start`."""
        assert self._solver is not None, "not started"
        return self._solver

    async def start(self) -> None:
        """Load the promoted policy and start to watch for promotions.

        Raises:
            ConfigError: no policy is promoted, or its folder is missing.
            EngineStartError: vLLM did not start with it.
            SandboxUnavailable: code cannot be isolated on this machine.
        """
        policy = await asyncio.to_thread(locate_policy, find_promoted(self._store, self.folder), self.folder)
        await self._sandbox.start()
        await self._engine.start(policy)
        codec = await asyncio.to_thread(Codec.from_folder, self._engine.folder, self._format)
        sampler = self.config.sampler
        self._solver = Solver(self._engine, self._sandbox, codec, sampler.limits, sampler.engine.max_model_len)
        self._watch = asyncio.create_task(self._watch_promotions(), name="watch for promotions")

    async def close(self) -> None:
        """Stop the engine and the sandbox with their processes."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch], timeout=_POLL_INTERVAL_S)
        self._engine.close()
        await self._sandbox.close()
        self._store.close()

    async def check_health(self) -> None:
        """Re-raise the error that ended the engine or the watch, if one has failed."""
        if self._watch is not None and self._watch.done():
            self._watch.result()
        await self._engine.check_health()

    async def _watch_promotions(self) -> None:
        while True:
            await asyncio.sleep(_POLL_INTERVAL_S)
            try:
                promoted = await asyncio.to_thread(self._store.policies.promoted)
            except (StoreBusyError, StoreUnreachableError) as error:
                log.warning("cannot read which policy is promoted, keeping policy %d: %s", self.version, error)
                continue
            if promoted is not None and promoted.version not in (self.version, self._rejected):
                await self._swap_in(promoted)

    async def _swap_in(self, promoted: Policy) -> None:
        try:
            await self._engine.swap(await asyncio.to_thread(locate_policy, promoted, self.folder))
            log.info("now serving policy %d", promoted.version)
        except StorageError as error:
            log.warning("promoted policy %d cannot be found now, it is tried again: %s", promoted.version, error)
        except (SwapError, ConfigError) as error:
            if _may_pass(error):
                log.warning("promoted policy %d was not loaded, it is tried again: %s", promoted.version, error)
                return
            log.exception("promoted policy %d was not loaded; still serving policy %d", promoted.version, self.version)
            self._rejected = promoted.version


def _may_pass(error: BaseException | None) -> bool:
    """Whether an error comes of a storage that could not be reached for a while."""
    while error is not None and not isinstance(error, StorageError):
        error = error.__cause__
    return error is not None and error.may_pass
