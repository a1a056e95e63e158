"""Writes completions and ratings to the store while answers are served.

A completion is queued and written by a background task, so that an answer never waits for the database. If the queue is
full or the database away, or the task has failed, completions are dropped, counted and logged; answers go on.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Self

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.serving.errors import ApiError
from store.errors import StoreError, UnknownRecordError
from store.records import Completion, Rating
from store.store import Store

log = logging.getLogger(__name__)

QUEUE = 512
"""Completions that wait to be written."""

MAX_CHARS = 256 * 1024
"""Characters of a completion, its conversation included. A longer one is dropped."""

MAX_RATINGS = 64
"""Ratings that wait to be written; further ones are refused with 429."""

RETRY_S = 10.0
"""How long the store retries while its server is away."""

_RETRY_AFTER_S = 5
_BATCH = 128
_WRITE_WAIT_S = 15.0
_CLOSE_WAIT_S = 5.0
_LOG_INTERVAL_S = 10.0  # of drops


class Collector:
    """Collects completions and ratings in a store. `stored` and `dropped` count completions since the start."""

    def __init__(self, open_store: Callable[[], Store], queue_size: int = QUEUE) -> None:
        """`open_store` is called by `start`; the collector closes what it returns."""
        self._open_store = open_store
        self._queue: asyncio.Queue[Completion] = asyncio.Queue(queue_size)
        self._unwritten: dict[str, asyncio.Event] = {}
        self._rating = asyncio.Lock()
        self._ratings = 0
        self._writer: asyncio.Task[None] | None = None
        self._log_after = 0.0
        self.stored = 0
        self.dropped = 0

    @classmethod
    def of_run(cls, folder: RunFolder, config: RunConfig) -> Self:
        """A collector that writes to a run's store."""
        return cls(lambda: Store.open(folder.store_url(config), create=False, retry_s=RETRY_S))

    @property
    def waiting(self) -> int:
        """Completions that are not written yet."""
        return len(self._unwritten)

    async def start(self) -> None:
        """Open the store and begin to write.

        Raises:
            StoreError: the store cannot be opened.
        """
        self._store = await asyncio.to_thread(self._open_store)
        self._writer = asyncio.create_task(self._write_all(), name="write collected completions")

    async def close(self) -> None:
        """Write what waits, within a few seconds, and close the store."""
        if self._writer is None:
            return
        joining = asyncio.create_task(self._queue.join())
        await asyncio.wait([joining, self._writer], timeout=_CLOSE_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        joining.cancel()
        self._writer.cancel()
        await asyncio.wait([self._writer])
        await asyncio.to_thread(self._store.close)

    @property
    def failure(self) -> str | None:
        """The error that ended the background task, if one has."""
        if self._writer is None or not self._writer.done() or self._writer.cancelled():
            return None
        return f"the writer has failed: {self._writer.exception()!r}"

    def offer(self, completion: Completion) -> None:
        """Queue a completion, or drop it. Returns at once."""
        if (failure := self.failure) is not None:
            self._drop(1, failure)
            return
        if _size(completion) > MAX_CHARS:
            self._drop(1, f"it has more than {MAX_CHARS} characters")
            return
        try:
            self._queue.put_nowait(completion)
        except asyncio.QueueFull:
            self._drop(1, f"{self._queue.maxsize} others wait for the store")
            return
        self._unwritten[completion.id] = asyncio.Event()

    async def rate(self, rating: Rating) -> None:
        """Store a rating, after the completion itself.

        Raises:
            ApiError: the completion is unknown, too many ratings wait, or the store cannot be written.
        """
        if (failure := self.failure) is not None:
            raise ApiError(503, f"feedback is not stored: {failure}")
        if self._ratings >= MAX_RATINGS:
            raise ApiError(429, "too many ratings at once: repeat it later", None, "server_busy", _RETRY_AFTER_S)
        self._ratings += 1
        try:
            async with asyncio.timeout(_WRITE_WAIT_S):
                if (written := self._unwritten.get(rating.completion_id)) is not None:
                    await written.wait()
                async with self._rating:
                    await asyncio.to_thread(self._store.feedback.rate, rating)
        except UnknownRecordError as error:
            raise ApiError(404, str(error), "id", "completion_not_found") from error
        except (StoreError, TimeoutError) as error:
            log.warning("a rating was not stored: %s", error)
            raise ApiError(503, "the store cannot be written now: repeat it later") from error
        finally:
            self._ratings -= 1

    async def _write_all(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            await self._write(batch)

    async def _write(self, batch: list[Completion]) -> None:
        try:
            await asyncio.to_thread(self._store.feedback.collect, batch)
            self.stored += len(batch)
        except StoreError as error:
            self._drop(len(batch), str(error))
        finally:
            for completion in batch:
                self._queue.task_done()
                if (written := self._unwritten.pop(completion.id, None)) is not None:
                    written.set()

    def _drop(self, count: int, reason: str) -> None:
        self.dropped += count
        now = time.monotonic()
        if now >= self._log_after:
            self._log_after = now + _LOG_INTERVAL_S
            log.warning("%d completions since the start were not collected; the last: %s", self.dropped, reason)


def _size(completion: Completion) -> int:
    """The characters of a completion's texts."""
    messages = sum(len(message["content"]) for message in completion.messages)
    return messages + sum(len(answer.content) + len(answer.answer or "") for answer in completion.answers)
