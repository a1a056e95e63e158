"""Transfers: many pieces at a time, each tried again while errors may pass, with a limit on silence for all of them."""

import queue
import threading
import time
from collections.abc import Callable, Sequence

from store.artifacts.errors import StorageError
from store.artifacts.manifest import OnBytes

_POLL_S = 0.2
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 10.0

type Piece = Callable[[OnBytes], None]
"""Transfers something and reports its bytes. It can be called again after a failure."""


class _CancelledError(Exception):
    """The transfer ended before this piece of it."""


class _Transfer:
    """The threads of one transfer, and what they have to say."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._waiting: queue.SimpleQueue[Piece] = queue.SimpleQueue()
        for piece in pieces:
            self._waiting.put(piece)
        self.events: queue.SimpleQueue[int | BaseException | None] = queue.SimpleQueue()
        """Bytes that were transferred; None for each piece that is done; an error that ends the transfer."""
        self.stopped = threading.Event()
        self.last_error: StorageError | None = None

    def work(self) -> None:
        """Transfer pieces until none is left."""
        try:
            while True:
                self._transfer(self._waiting.get_nowait())
                self.events.put(None)
        except queue.Empty:
            return
        except _CancelledError:
            return
        except BaseException as error:
            self.events.put(error)

    def _transfer(self, piece: Piece) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                piece(self._report)
                return
            except StorageError as error:
                if not error.may_pass:
                    raise
                self.last_error = error
            if self.stopped.wait(pause_s):
                raise _CancelledError
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _report(self, count: int) -> None:
        if self.stopped.is_set():
            raise _CancelledError
        self.events.put(count)


def transfer(what: str, pieces: Sequence[Piece], on_bytes: OnBytes, silence_s: float, threads: int) -> None:
    """Transfer all pieces, in `threads` threads; `on_bytes` is called in this one, also with 0, to end the transfer.

    `what` names it in messages: "the upload to s3://bucket/prefix". A thread that hangs is left behind, until its call
    or the process ends.

    Raises:
        StorageError: no byte came and no piece was done for `silence_s`, whatever was tried; or an error that no retry
            will mend.
    """
    work = _Transfer(pieces)
    for _ in range(min(threads, len(pieces))):
        threading.Thread(target=work.work, name="transfer", daemon=True).start()
    missing, heard_at = len(pieces), time.monotonic()
    try:
        while missing:
            try:
                event = work.events.get(timeout=_POLL_S)
            except queue.Empty:
                on_bytes(0)
                if time.monotonic() - heard_at >= silence_s:
                    raise _silence(what, work, silence_s) from work.last_error
                continue
            if isinstance(event, BaseException):
                raise event
            heard_at = time.monotonic()
            missing -= event is None
            on_bytes(event or 0)
    finally:
        work.stopped.set()


def _silence(what: str, work: _Transfer, silence_s: float) -> StorageError:
    reason = f"; the last error: {work.last_error}" if work.last_error is not None else ""
    return StorageError(f"{what} made no progress for {silence_s:g} s (storage.silence_s){reason}")


def insist[T](what: str, call: Callable[[], T], on_bytes: OnBytes, silence_s: float) -> T:
    """The result of a short call, which is tried again while errors may pass, as a piece of a transfer is."""
    results: list[T] = []
    transfer(what, [lambda _: results.append(call())], on_bytes, silence_s, threads=1)
    return results[0]
