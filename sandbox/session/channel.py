"""The channel between the host and a session's interpreter, and the shape of what may come through it.

What comes through was written by a process that runs untrusted code: lengths are bounded before anything is read, and
every frame is checked.
"""

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.execution import Status
from sandbox.guest import wire
from sandbox.jail.credentials import ask_for_credentials, receive_with_pid

READ_BYTES = 1 << 16
RETRY_S = 0.005
NOTE_CHARS = 100  # at most, of the note of how much was cut out of a text
REPORTED = {"ok": Status.OK, "error": Status.ERROR, "memory": Status.MEMORY}


@dataclass(frozen=True, slots=True)
class Report:
    """What the interpreter reports of one block: a claim, as the block may have forged it."""

    block: int
    status: Status
    value: str | None
    error: str


class SessionChannel:
    """The host's end of the socket, and the session's end until the session has inherited it."""

    def __init__(
        self,
        frame_limit_bytes: int,
        on_message: Callable[[dict[str, Any], int], None],
        on_closed: Callable[[], None],
        on_malformed: Callable[[], None],
    ) -> None:
        """Make the socket pair. Raises OSError if descriptors run out.

        Args:
            frame_limit_bytes: A longer frame is malformed.
            on_message: Called with each message and the host's process id of its writer. It may raise ValueError,
                TypeError or KeyError for a message that is malformed.
            on_closed: Called when the session has closed its end.
            on_malformed: Called for what is no frame, or no message that `on_message` accepts.
        """
        self._frame_limit_bytes = frame_limit_bytes
        self._on_message, self._on_closed, self._on_malformed = on_message, on_closed, on_malformed
        self._loop = asyncio.get_running_loop()
        self._inbox = bytearray()
        self._socket, self._session_end = socket.socketpair()
        self._socket.setblocking(False)
        ask_for_credentials(self._socket)

    @property
    def session_fd(self) -> int:
        """The descriptor that the session inherits."""
        return self._session_end.fileno()

    def listen(self) -> None:
        """Start to read messages."""
        self._loop.add_reader(self._socket.fileno(), self._read)

    async def send(self, message: dict[str, Any], abort: asyncio.Future[Any]) -> None:
        """Send a message, unless `abort` is done first.

        Returns early if the session's end is closed, which the reader notices.
        """
        frame = memoryview(wire.encode(message))
        while frame and not abort.done():
            try:
                frame = frame[self._socket.send(frame) :]
            except BlockingIOError:  # a long block, and the process has not started to read
                await asyncio.wait([abort], timeout=RETRY_S)
            except OSError:
                return

    def close_session_end(self) -> None:
        """Close the host's copy of the session's end, once the session has inherited it."""
        self._session_end.close()

    def close(self) -> None:
        """Stop reading and close the socket."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._session_end.close()

    def _read(self) -> None:
        try:
            part, pid = receive_with_pid(self._socket, READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            part, pid = b"", 0
        if not part:
            self._loop.remove_reader(self._socket.fileno())
            self._on_closed()
            return
        self._inbox += part
        try:
            while (message := next_frame(self._inbox, self._frame_limit_bytes)) is not None:
                self._on_message(message, pid)
        except (ValueError, TypeError, KeyError, RecursionError):
            self._on_malformed()


def next_frame(inbox: bytearray, limit_bytes: int) -> dict[str, Any] | None:
    """Take the first whole frame from `inbox`; None if there is none yet.

    Raises ValueError if the frame is longer than `limit_bytes` or holds no JSON object.
    """
    if len(inbox) < wire.HEADER.size:
        return None
    (length,) = wire.HEADER.unpack_from(inbox)
    if length > limit_bytes:
        raise ValueError(f"a frame of {length} bytes")
    end = wire.HEADER.size + length
    if len(inbox) < end:
        return None
    message = json.loads(inbox[wire.HEADER.size : end])
    del inbox[:end]
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def read_report(message: dict[str, Any], limit_chars: int) -> Report:
    """Check the shape of a block's report.

    Raises ValueError if it has another shape, or texts longer than `limit_chars` and the note of a cut; KeyError if a
    part is missing; TypeError if the status cannot be one.
    """
    status, value, error = message["status"], message["value"], message["error"]
    if status not in REPORTED or not isinstance(value, str | None) or not isinstance(error, str):
        raise ValueError("not a report")
    if max(len(value or ""), len(error)) > limit_chars + NOTE_CHARS:
        raise ValueError("longer than the interpreter's own reports")
    return Report(message["block"], REPORTED[status], value and _encodable(value), _encodable(error))


def _encodable(text: str) -> str:
    """`text` with lone surrogates, which a block makes at will, escaped: tokenizers and databases fail at them."""
    return text.encode("utf-8", "backslashreplace").decode()
