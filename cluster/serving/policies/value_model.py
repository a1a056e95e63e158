"""The value model of a replica, which chooses among the attempts at a question."""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from actors.scoring.loading import open_scorer
from actors.scoring.scorer import Scorer, ScoringError
from actors.settings import EngineSettings
from cluster.config.run_folder import RunFolder
from cluster.config.value_models import value_files
from cluster.serving.errors import ApiError
from store.artifacts.cache import Cache
from store.artifacts.location import Location
from store.records import ValueModel
from store.settings import StorageSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServedValueModel:
    """A value model by its version and where it is. It is sent to the replicas, and loaded there."""

    version: int
    location: Location
    checksum: str | None


def to_serve(folder: RunFolder, model: ValueModel) -> ServedValueModel:
    """A value model of a run, as replicas need it."""
    files = value_files(folder, model).model
    return ServedValueModel(model.version, files.location, files.checksum)


class LoadedValueModel:
    """A value model in this process, computed by torch in a thread of its own.

    A request has a few dozen attempts at the most, and an engine of vLLM for them would take the memory of another
    policy.
    """

    def __init__(self, served: ServedValueModel, settings: EngineSettings, storage: StorageSettings) -> None:
        self.version = served.version
        self._served = served
        self._settings = settings
        self._cache = Cache(storage)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="value model")
        self._open = ExitStack()
        self._scorer: Scorer | None = None

    async def start(self) -> None:
        """Load it.

        Raises:
            ScoringError: it cannot be loaded.
            StorageError: its files cannot be fetched.
        """
        await self._in_thread(self._load)

    def _load(self) -> None:
        folder = self._open.enter_context(self._cache.held(self._served.location, self._served.checksum))
        self._scorer = self._open.enter_context(open_scorer("torch", folder, self._settings))

    async def score(self, sequences: Sequence[Sequence[int]]) -> list[float]:
        """The values of whole solutions, each the token ids of its prompt and of all that follows.

        Raises:
            ApiError: it failed.
        """
        try:
            return await self._in_thread(self._score, sequences)
        except (ScoringError, RuntimeError) as error:  # torch's, such as a lack of memory
            log.exception("value model %d failed", self.version)
            raise ApiError(500, f"value model {self.version} failed, repeat the request: {error}") from error

    def _score(self, sequences: Sequence[Sequence[int]]) -> list[float]:
        assert self._scorer is not None, "not started"
        values = self._scorer.score(sequences)
        if not all(map(math.isfinite, values)):
            raise ScoringError("a value is not a finite number")
        return values

    async def close(self) -> None:
        """Free it. Can be repeated."""
        await self._in_thread(self._open.close)
        self._scorer = None

    async def _in_thread[*Args, T](self, call: Callable[[*Args], T], *args: *Args) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)
