"""What a session prints: its stdout and stderr pipes."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import Literal

READ_BYTES = 1 << 16


class SessionOutput:
    """The two pipes of a session and what has come through them since the last `take`, up to one limit on both."""

    def __init__(self, limit_bytes: int, on_overflow: Callable[[], None]) -> None:
        """Make the pipes: both or, where descriptors run out, none (OSError).

        `on_overflow`: called once, when more than `limit_bytes` are held; nothing more is read then.
        """
        self._limit_bytes = limit_bytes
        self._on_overflow = on_overflow
        self._overflowed = False
        with contextlib.ExitStack() as opened:
            self._stdout = _Pipe()
            opened.callback(self._stdout.close)
            self._stderr = _Pipe()
            opened.pop_all()
        self._pipes = (self._stdout, self._stderr)

    @property
    def write_fds(self) -> tuple[int, int]:
        """The descriptors that the session inherits as its stdout and stderr."""
        return self._stdout.write_fd, self._stderr.write_fd

    def listen(self) -> None:
        """Start to read."""
        for pipe in self._pipes:
            asyncio.get_running_loop().add_reader(pipe.read_fd, self._read, pipe)

    def drain(self) -> None:
        """Read what was printed and has not been read yet. Ends: the limit stops a flood."""
        for pipe in self._pipes:
            while not self._overflowed and pipe.read() == "more":
                self._check_limit()

    def take(self) -> tuple[str, str]:
        """Return the text of stdout and stderr since the last call, and clear it."""
        return self._stdout.take(), self._stderr.take()

    def close_write_ends(self) -> None:
        """Close the host's copies of what the session has inherited."""
        for pipe in self._pipes:
            pipe.close_write()

    def close(self) -> None:
        """Stop reading and close both pipes."""
        for pipe in self._pipes:
            asyncio.get_running_loop().remove_reader(pipe.read_fd)
            pipe.close()

    def _read(self, pipe: "_Pipe") -> None:
        if pipe.read() == "end":
            asyncio.get_running_loop().remove_reader(pipe.read_fd)
        self._check_limit()

    def _check_limit(self) -> None:
        if not self._overflowed and sum(len(pipe.data) for pipe in self._pipes) > self._limit_bytes:
            self._overflowed = True
            for pipe in self._pipes:
                asyncio.get_running_loop().remove_reader(pipe.read_fd)
            self._on_overflow()


class _Pipe:
    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        self.data = bytearray()

    def read(self) -> Literal["more", "empty", "end"]:
        """Read once. Returns whether there may be more now, later, or never."""
        try:
            part = os.read(self.read_fd, READ_BYTES)
        except BlockingIOError:
            return "empty"
        self.data += part
        if not part:
            return "end"
        return "more" if len(part) == READ_BYTES else "empty"  # a pipe gives all that it holds

    def take(self) -> str:
        text = self.data.decode("utf-8", errors="replace")
        self.data.clear()
        return text

    def close_write(self) -> None:
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1

    def close(self) -> None:
        self.close_write()
        os.close(self.read_fd)
