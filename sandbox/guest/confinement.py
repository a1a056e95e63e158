"""Confines a session's process beyond what nsjail did for the whole jail, before it runs anything untrusted.

The order matters: the tmpfs is mounted while the process is still in the jail's user namespace (files on it need a
mapped owner), then the identity is dropped, and the limit on processes is set inside a user namespace of the session's
own, where the kernel counts this session's processes alone.
"""

import ctypes
import os
import resource
from itertools import repeat
from typing import Any

from sandbox.guest.seccomp import Filter

NOBODY = 65534
PENDING_SIGNALS = 256  # each takes kernel memory that no other limit counts
LAST_CAPABILITY = 63  # prctl fails for those that this kernel lacks

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_PR_CAPBSET_DROP, _PR_SET_DUMPABLE = 24, 4
_CAPABILITY_VERSION_3 = 0x20080522
_MIB = 1024 * 1024


class Confinement:
    """Prepared once in the warm parent, applied in each session's process."""

    def __init__(self, limits: dict[str, Any]) -> None:
        self._limits = limits
        libc = ctypes.CDLL(None, use_errno=True)
        self._mount, self._prctl, self._capset = libc.mount, libc.prctl, libc.capset
        self._filter = Filter(libc)
        self._tmpfs_options = limits["tmpfs_options"].encode()
        self._base_bytes = address_space_bytes()
        self._capability_header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        self._no_capabilities = (ctypes.c_uint32 * 6)()
        self._bounding = [number for number in range(LAST_CAPABILITY) if libc.prctl(23, number, 0, 0, 0) >= 0]

    def apply(self) -> None:
        """Confine this process. Raises OSError if any step fails; nothing untrusted may run then."""
        os.setsid()  # otherwise kill(0, ...) would reach the parent and other sessions, which share its process group
        self._own_namespaces()
        self._become_nobody()
        os.unshare(os.CLONE_NEWUSER)
        self._set_limits()
        self._drop_capabilities()
        self._filter.install()

    def _own_namespaces(self) -> None:
        os.unshare(os.CLONE_NEWNS | os.CLONE_NEWIPC | os.CLONE_NEWUTS)
        flags = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
        self._check(self._mount(b"none", b"/tmp", b"tmpfs", flags, self._tmpfs_options), "mount /tmp")
        os.chdir("/tmp")  # noqa: S108 - the session's own tmpfs

    def _become_nobody(self) -> None:
        if os.getresuid() != (NOBODY, NOBODY, NOBODY):
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)

    def _set_limits(self) -> None:
        limits = self._limits
        for which, value in (
            (resource.RLIMIT_AS, self._base_bytes + limits["memory_bytes"]),
            (resource.RLIMIT_CPU, limits["cpu_s"]),
            (resource.RLIMIT_FSIZE, limits["file_bytes"]),
            (resource.RLIMIT_NOFILE, limits["open_files"]),
            (resource.RLIMIT_NPROC, limits["processes"]),
            (resource.RLIMIT_SIGPENDING, PENDING_SIGNALS),
            # One byte, not none: where the host's core_pattern is a program, the kernel starts it for any other limit.
            (resource.RLIMIT_CORE, int(resource.getrlimit(resource.RLIMIT_CORE)[1] != 0)),
        ):
            resource.setrlimit(which, (value, value))

    def _drop_capabilities(self) -> None:
        zeros = repeat(0)
        failed = any(map(self._prctl, repeat(_PR_CAPBSET_DROP), self._bounding, zeros, zeros, zeros))  # forty calls
        self._check(failed, "drop capability")
        header, none = self._capability_header, self._no_capabilities
        self._check(self._capset(ctypes.byref(header), ctypes.byref(none)), "capset")
        self._check(self._prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl")

    @staticmethod
    def _check(result: int, what: str) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{what}: {os.strerror(number)}")


def address_space_bytes() -> int:
    """The size of this process's address space, found by bisection: the jail has no /proc to read it from."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    low, high = 0, 1 << 46
    while high - low > _MIB:
        middle = (low + high) // 2
        resource.setrlimit(resource.RLIMIT_AS, (middle, hard))
        low, high = (low, middle) if _can_map() else (middle, high)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    return high


_libc = ctypes.CDLL(None)
_libc.mmap.restype = ctypes.c_void_p
_MAP_FAILED = ctypes.c_void_p(-1).value


def _can_map() -> bool:
    address = _libc.mmap(None, ctypes.c_size_t(4096), 0, 0x22, -1, ctypes.c_long(0))  # private, anonymous, no access
    if address == _MAP_FAILED:
        return False
    _libc.munmap(ctypes.c_void_p(address), ctypes.c_size_t(4096))
    return True
