"""The value model of a replica, which ranks the attempts at a question."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from actors.scoring.published import ScoringWorker, ValueFiles
from actors.scoring.scorer import ScoringError
from actors.settings import EngineSettings
from cluster.serving.errors import ApiError

log = logging.getLogger(__name__)


class LoadedValueModel:
    """A value model in this process, computed by torch in a thread of its own.

    A request has a few dozen attempts at the most, and an engine of vLLM for them would take the memory of another
    policy.
    """

    def __init__(self, files: ValueFiles, settings: EngineSettings) -> None:
        self.version = files.version
        self._worker = ScoringWorker(files, settings, "torch")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="value model")

    async def start(self) -> None:
        """Load it.

        Raises:
            ScoringError: it cannot be loaded.
            StorageError: its files cannot be fetched.
        """
        await self._in_thread(self._worker.load)

    async def score(self, sequences: Sequence[Sequence[int]]) -> list[float]:
        """The values of whole solutions, each the token ids of its prompt and of all that follows.

        Raises:
            ApiError: it failed.
        """
        try:
            return await self._in_thread(self._worker.score, sequences)
        except (ScoringError, RuntimeError) as error:  # torch's, such as a lack of memory
            log.exception("value model %d failed", self.version)
            raise ApiError(500, f"value model {self.version} failed, repeat the request: {error}") from error

    async def close(self) -> None:
        """Free it. Can be repeated."""
        await self._in_thread(self._worker.close)

    async def _in_thread[*Args, T](self, call: Callable[[*Args], T], *args: *Args) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)
