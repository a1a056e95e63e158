"""Kernel-verified process ids of the writers to a Unix socket, as numbered on the host (SCM_CREDENTIALS)."""

import socket
import struct

_UCRED = struct.Struct("3i")  # pid, uid, gid, as in unix(7)
_SPACE = socket.CMSG_SPACE(_UCRED.size)


def ask_for_credentials(receiver: socket.socket) -> None:
    """Have the kernel attach the writer's credentials to each message from now on."""
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)


def receive_with_pid(receiver: socket.socket, limit_bytes: int) -> tuple[bytes, int]:
    """Receive at most `limit_bytes`, with the host's process id of the writer, 0 if there was none.

    A process in a nested pid namespace does not know its id on the host, and cannot send another's.
    """
    data, ancillary, _, _ = receiver.recvmsg(limit_bytes, _SPACE)
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return data, int(_UCRED.unpack(payload[: _UCRED.size])[0])
    return data, 0
