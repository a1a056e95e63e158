"""Who wrote: the kernel's word for the process behind the other end of a socket, in our own numbering."""

import socket
import struct

_UCRED = struct.Struct("3i")  # pid, uid, gid, as in unix(7)
_SPACE = socket.CMSG_SPACE(_UCRED.size)


def ask_for_credentials(receiver: socket.socket) -> None:
    """From now on the kernel notes beside each message who wrote it."""
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)


def receive_with_pid(receiver: socket.socket, limit_bytes: int) -> tuple[bytes, int]:
    """What was written, at most `limit_bytes`, and the host's process id of the writer, 0 if there was none.

    A process in a nested pid namespace cannot know that number, and cannot state another.
    """
    data, notes, _, _ = receiver.recvmsg(limit_bytes, _SPACE)
    for level, kind, note in notes:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            return data, int(_UCRED.unpack(note[: _UCRED.size])[0])
    return data, 0
