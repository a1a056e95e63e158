"""The second system call filter: denies sessions what the warm parent may do. The first filter is in policy.cfg."""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable

# x86-64 numbers, from the kernel's arch/x86/entry/syscalls/syscall_64.tbl.
DENIED = {
    "mount": 165,
    "unshare": 272,
    "setns": 308,
}
CLONE = 56
CLONE3 = 435
MMAP = 9
SOCKETPAIR = 53
FCNTL = 72
# Locks on files that sessions share (the devices, the libraries), leases, and notifications of others' reads.
_F_GETLK, _F_SETLK, _F_SETLKW, _F_OFD_GETLK, _F_OFD_SETLK, _F_OFD_SETLKW = 5, 6, 7, 36, 37, 38
_F_SETLEASE, _F_NOTIFY = 1024, 1026
FCNTL_DENIED = (
    *(_F_GETLK, _F_SETLK, _F_SETLKW),
    *(_F_OFD_GETLK, _F_OFD_SETLK, _F_OFD_SETLKW),
    *(_F_SETLEASE, _F_NOTIFY),
)
_AF_UNIX, _SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPE_MASK = 1, 1, 5, 0xF
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
# CLONE_NEWTIME | NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
NAMESPACE_FLAGS = 0x80 | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000

_AUDIT_ARCH_X86_64 = 0xC000003E
_X32_BIT = 0x40000000
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_LOAD, _AND, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_NUMBER_OFFSET, _ARCH_OFFSET, _FIRST_ARGUMENT_OFFSET, _ARGUMENT_BYTES = 0, 4, 16, 8
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _argument(index: int) -> bytes:
    """Load the low half of a call's argument: the kernel ignores the rest of those that the rules test."""
    return _instruction(_LOAD, _FIRST_ARGUMENT_OFFSET + index * _ARGUMENT_BYTES)


_DENY = _instruction(_RETURN, _ERRNO | errno.EPERM)
_PASS = _instruction(_RETURN, _ALLOW)


def _deny_each(values: Iterable[int]) -> list[bytes]:
    """Deny the call if the loaded value is one of these."""
    return [part for value in values for part in (_instruction(_JEQ, value, if_false=1), _DENY)]


def _assemble() -> bytes:
    """Deny with EPERM; clone3, whose flags a filter cannot see, with ENOSYS, so that libc falls back to clone."""
    program = [
        _instruction(_LOAD, _ARCH_OFFSET),
        _instruction(_JEQ, _AUDIT_ARCH_X86_64, if_true=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER_OFFSET),
        _instruction(_JGE, _X32_BIT, if_false=1),
        _instruction(_RETURN, _KILL),
        _instruction(_JEQ, CLONE3, if_false=1),
        _instruction(_RETURN, _ERRNO | errno.ENOSYS),
    ]
    program += _deny_each(DENIED.values())
    for number, rule in _RULES.items():
        program += [_instruction(_JEQ, number, if_false=len(rule)), *rule]
    return b"".join([*program, _PASS])


# Rules for calls that are denied by their arguments. Each rule ends in a return.
_RULES = {
    CLONE: [_argument(0), _instruction(_JSET, NAMESPACE_FLAGS, if_false=1), _DENY, _PASS],
    # Datagram sockets can be given an abstract name without `bind`, and send to one without `connect`.
    SOCKETPAIR: [
        _argument(0),
        _instruction(_JEQ, _AF_UNIX, if_true=1),
        _DENY,
        _argument(1),
        _instruction(_AND, _SOCK_TYPE_MASK),
        _instruction(_JEQ, _SOCK_STREAM, if_true=2),
        _instruction(_JEQ, _SOCK_SEQPACKET, if_true=1),
        _DENY,
        _PASS,
    ],
    # Shared anonymous pages outlive their mappings and then count for no process: sessions could fill the jail unseen.
    MMAP: [
        _argument(3),
        _instruction(_JSET, _MAP_ANONYMOUS, if_false=2),
        _instruction(_JSET, _MAP_SHARED, if_false=1),
        _DENY,
        _PASS,
    ],
    FCNTL: [
        _argument(1),
        *_deny_each(FCNTL_DENIED),
        _PASS,
    ],
}


class Filter:
    """The filter, assembled once in the parent; a session only installs it."""

    def __init__(self, libc: ctypes.CDLL) -> None:
        if platform.machine() != "x86_64":
            raise NotImplementedError(f"the sandbox's system call filter knows x86_64 only, not {platform.machine()}")
        code = _assemble()
        self._libc = libc
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = _Program(len(code) // 8, ctypes.addressof(self._code))

    def install(self) -> None:
        """Install the filter in this process and its descendants, permanently. Raises OSError."""
        done = self._libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(self._program), 0, 0)
        if done != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"seccomp: {os.strerror(number)}")
