"""The control channel between the host and a jail's warm parent: orders out, reports in, one JSON packet each."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from sandbox.jail.credentials import ask_for_credentials, receive_with_pid

PACKET_BYTES = 1 << 16
SEND_S = 10.0
RETRY_S = 0.002


class ControlLost(Exception):  # noqa: N818 - a state of the channel
    """The warm parent has exited or accepts no orders."""


class ControlChannel:
    """The host's end of the socket, and the jail's end until the jail has inherited it.

    Only the warm parent may write to it: a report that the kernel attributes to any other process ends the channel.
    """

    def __init__(self, on_report: Callable[[dict[str, Any], int], None], on_lost: Callable[[], None]) -> None:
        """Make the socket pair. Raises OSError if descriptors run out.

        Args:
            on_report: Called with each report and the host's process id of the warm parent.
            on_lost: Called when the warm parent has exited, or another process wrote in its place.
        """
        self._on_report, self._on_lost = on_report, on_lost
        self._parent_pid = 0
        self._jail_end: socket.socket | None
        self._socket, self._jail_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        ask_for_credentials(self._socket)
        self._open = True

    @property
    def jail_fd(self) -> int:
        """The descriptor that the jail inherits."""
        assert self._jail_end is not None
        return self._jail_end.fileno()

    def listen(self) -> None:
        """Start to read reports."""
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)

    async def send(self, order: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
        """Send an order with open descriptors. Raises ControlLost."""
        packet = json.dumps(order).encode()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SEND_S
        while loop.time() < deadline:
            if not self._open:
                raise ControlLost("the jail is gone")
            try:
                socket.send_fds(self._socket, [packet], descriptors)
            except BlockingIOError:
                await asyncio.sleep(RETRY_S)  # the parent is busy forking
            except OSError as error:
                raise ControlLost(f"the warm parent is gone ({error})") from error
            else:
                return
        raise ControlLost(f"the warm parent accepted no order for {SEND_S:g} s")

    def send_nowait(self, order: dict[str, Any]) -> None:
        """Send an order. Raises BlockingIOError while the parent is busy, OSError if it is gone."""
        self._socket.send(json.dumps(order).encode())

    def close_jail_end(self) -> None:
        """Close the host's copy of the jail's end, once the jail has inherited it."""
        if self._jail_end is not None:
            self._jail_end.close()
            self._jail_end = None

    def close(self) -> None:
        """Close the socket, at which the warm parent exits even if nsjail is gone."""
        if not self._open:
            return
        self._open = False
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self.close_jail_end()

    def _read(self) -> None:
        try:
            packet, pid = receive_with_pid(self._socket, PACKET_BYTES)
        except BlockingIOError:
            return
        except OSError:
            packet, pid = b"", 0
        if packet and pid == (self._parent_pid or pid):
            self._parent_pid = pid
            self._on_report(json.loads(packet), pid)
        else:
            self._on_lost()
