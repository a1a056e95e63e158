"""The system call filter of a session: an allow-list (`sandbox.guest.syscalls`), with rules on arguments.

The first filter, in policy.cfg, binds the warm parent too, and is a deny-list.
"""

import ctypes
import errno
import os
import platform
import struct

from sandbox.guest.syscalls import ATTRIBUTES, FLUSHES, NUMBERS, allowed

# Sizes and constants of <linux/filter.h>, <linux/seccomp.h> and <linux/audit.h>.
_AUDIT_ARCH_X86_64 = 0xC000003E
_X32_BIT = 0x40000000
_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_LOAD, _AND, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_NUMBER_OFFSET, _ARCH_OFFSET, _FIRST_ARGUMENT_OFFSET, _ARGUMENT_BYTES = 0, 4, 16, 8
_RETURN_ALLOW, _RETURN_KILL, _RETURN_ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_INSTRUCTION_BYTES = 8

type Code = tuple[bytes, ...]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction. Its jumps, counted in instructions, have one byte each: struct.error if one is longer."""
    return struct.pack("HBBI", code, if_true, if_false, value)


ALLOW: Code = (_instruction(_RETURN, _RETURN_ALLOW),)
KILL: Code = (_instruction(_RETURN, _RETURN_KILL),)


def answer(number: int) -> Code:
    """Fail the call with this errno; with 0, let it succeed without being executed."""
    return (_instruction(_RETURN, _RETURN_ERRNO | number),)


DENY = answer(errno.EPERM)


def _argument(index: int) -> bytes:
    """Load the low half of a call's argument: the kernel ignores the rest of those that the rules test."""
    return _instruction(_LOAD, _FIRST_ARGUMENT_OFFSET + index * _ARGUMENT_BYTES)


def _only(index: int, values: tuple[int, ...], mask: int = 0xFFFF_FFFF) -> Code:
    """Allow the call if the argument, masked, is one of `values`."""
    tests = (_instruction(_JEQ, value, if_true=len(values) - place) for place, value in enumerate(values))
    return (_argument(index), _instruction(_AND, mask), *tests, *DENY, *ALLOW)


def _without(index: int, flags: int, otherwise: Code = ALLOW) -> Code:
    """Deny the call if the argument has any of `flags`; with none of them, go on with `otherwise`."""
    return (_argument(index), _instruction(_JSET, flags, if_false=1), *DENY, *otherwise)


def _unless(index: int, value: int, otherwise: Code = ALLOW) -> Code:
    """Deny the call if the argument is `value`; if not, go on with `otherwise`."""
    return (_argument(index), _instruction(_JEQ, value, if_false=1), *DENY, *otherwise)


# CLONE_NEWTIME | NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
NAMESPACE_FLAGS = 0x80 | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_CLONE_PTRACE, _CLONE_IO = 0x2000, 0x80000000

_AF_UNIX, _SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPE_MASK = 1, 1, 5, 0xF
_MSG_OOB = 1
# SO_TYPE, ERROR, SNDBUF, RCVBUF, ACCEPTCONN, PROTOCOL, DOMAIN: nothing about the process at the other end, for which
# SO_PEERPIDFD even gives a descriptor.
_GETSOCKOPT = (3, 4, 7, 8, 30, 38, 39)
_O_NOTIFICATION_PIPE = 0x80

_MAP_PRIVATE, _MAP_TYPE_MASK, _MAP_ANONYMOUS, _MAP_LOCKED, _MAP_HUGETLB = 0x02, 0x0F, 0x20, 0x2000, 0x40000
# Shared anonymous pages outlive their mappings and then count for no process: sessions could fill the jail unseen.
_PRIVATE_IF_ANONYMOUS: Code = (
    _instruction(_JSET, _MAP_ANONYMOUS, if_true=1),
    *ALLOW,
    _instruction(_AND, _MAP_TYPE_MASK),
    _instruction(_JEQ, _MAP_PRIVATE, if_false=1),
    *ALLOW,
    *DENY,
)

# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC, F_GETPIPE_SZ: no locks on files that sessions share (the devices,
# the libraries), no leases, no notifications, no larger pipes.
_FCNTL, _F_SETFL = (0, 1, 2, 3, 1030, 1032), 4
_O_ASYNC, _O_DIRECT = 0x2000, 0x4000  # signals of others' making; reads that reach the disk each time
_SETS_ORDINARY_FLAGS = _without(2, _O_ASYNC | _O_DIRECT)
# TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX, TCGETS2: no descriptor of a session is a terminal or a
# device with commands; these ask whether one is, or set flags that every descriptor has.
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451, 0x802C542A)
# PR_SET_PDEATHSIG, GET_PDEATHSIG, GET_DUMPABLE, SET_NAME, GET_NAME, GET_SECCOMP, CAPBSET_READ, SET_NO_NEW_PRIVS,
# GET_NO_NEW_PRIVS, SET_VMA (the C library names its mappings)
_PRCTL = (1, 2, 3, 15, 16, 21, 23, 38, 39, 0x53564D41)
_ARCH_PRCTL = (0x1001, 0x1002, 0x1003, 0x1004)  # ARCH_SET_GS, SET_FS, GET_FS, GET_GS: thread-local storage
# NORMAL to DONTNEED, FREE, DONTFORK, DOFORK, HUGEPAGE to KEEPONFORK, POPULATE_READ and _WRITE, GUARD_INSTALL and
# _REMOVE: no merging with others' pages (its timing tells their contents), no reclaiming of pages of shared files.
_MADVISE = (*range(5), 8, 10, 11, *range(14, 20), 22, 23, 102, 103)
# FUTEX_WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET: Python's locks inherit no priorities.
_FUTEX, _FUTEX_COMMAND_MASK = (0, 1, 3, 4, 5, 9, 10), 0x7F  # without PRIVATE (0x80) and CLOCK_REALTIME (0x100)
_S_IFIFO, _S_IFMT = 0o010000, 0o170000
_RLIMIT_CORE = 4

# Calls that are allowed or denied by their arguments, or fail with another errno than EPERM.
RULES: dict[str, Code] = {
    "clone": _without(0, NAMESPACE_FLAGS | _CLONE_PTRACE | _CLONE_IO),
    "clone3": answer(errno.ENOSYS),  # a filter cannot see its flags; the C library then uses clone
    # Datagram sockets can be given an abstract name without `bind`, and send to one without `connect`.
    "socketpair": (
        _argument(0),
        _instruction(_JEQ, _AF_UNIX, if_true=1),
        *DENY,
        *_only(1, (_SOCK_STREAM, _SOCK_SEQPACKET), _SOCK_TYPE_MASK),
    ),
    "sendto": _without(3, _MSG_OOB),
    "recvfrom": _without(3, _MSG_OOB),
    "getsockopt": _only(2, _GETSOCKOPT),
    "pipe2": _without(1, _O_NOTIFICATION_PIPE | _O_DIRECT),
    "mmap": _without(3, _MAP_LOCKED | _MAP_HUGETLB, _PRIVATE_IF_ANONYMOUS),
    "open": _without(1, _O_DIRECT),
    "openat": _without(2, _O_DIRECT),
    "fcntl": (
        _argument(1),
        _instruction(_JEQ, _F_SETFL, if_false=len(_SETS_ORDINARY_FLAGS)),
        *_SETS_ORDINARY_FLAGS,
        *_only(1, _FCNTL),
    ),
    "ioctl": _only(1, _IOCTL),
    "prctl": _only(0, _PRCTL),
    "arch_prctl": _only(0, _ARCH_PRCTL),
    # Its own limits, but not that on core dumps: a limit of none would start the host's handler of core dumps.
    "prlimit64": (_argument(0), _instruction(_JEQ, 0, if_true=1), *DENY, *_unless(1, _RLIMIT_CORE)),
    "setrlimit": _unless(0, _RLIMIT_CORE),
    "madvise": _only(2, _MADVISE),
    "futex": _only(1, _FUTEX, _FUTEX_COMMAND_MASK),
    "mknod": _only(1, (_S_IFIFO,), _S_IFMT),
    "mknodat": _only(2, (_S_IFIFO,), _S_IFMT),
    **dict.fromkeys(FLUSHES, answer(0)),
    **dict.fromkeys(ATTRIBUTES, answer(errno.ENOTSUP)),
}


def decisions() -> dict[int, Code]:
    """The decision on each known call, by number. All other numbers fail with ENOSYS."""
    granted = allowed()
    return {number: RULES.get(name, ALLOW if name in granted else DENY) for name, number in NUMBERS.items()}


def assemble() -> Code:
    """The filter's program. Raises struct.error if it has outgrown the jumps of such programs.

    It finds the decision by binary search: a chain of comparisons would cost more with each entry, in every call that
    the kernel cannot decide by number alone, and for every number when a session installs the filter. Equal decisions
    share their code, since the kernel compiles it again for each session.
    """
    runs: list[tuple[int, Code]] = []  # the first number of each run of equal decisions
    known = decisions()
    for number in range(max(known) + 2):
        decision = known.get(number, answer(errno.ENOSYS))
        if not runs or runs[-1][1] != decision:
            runs.append((number, decision))
    return (
        _instruction(_LOAD, _ARCH_OFFSET),
        _instruction(_JEQ, _AUDIT_ARCH_X86_64, if_true=1),
        *KILL,
        _instruction(_LOAD, _NUMBER_OFFSET),
        _instruction(_JGE, _X32_BIT, if_false=1),
        *KILL,
        *_search(runs),
    )


def _search(runs: list[tuple[int, Code]]) -> Code:
    """The comparisons of a binary search over `runs`, then the code of each decision, shortest first."""
    comparisons: list[tuple[int, Code | int, Code | int]] = []
    _compare(runs, comparisons)
    places: dict[Code | int, int] = {place: place for place in range(len(comparisons))}
    end = len(comparisons)
    for decision in sorted({decision for _, decision in runs}, key=len):
        places[decision], end = end, end + len(decision)
    jumps = (
        _instruction(_JGE, first, places[upper] - place - 1, places[lower] - place - 1)
        for place, (first, lower, upper) in enumerate(comparisons)
    )
    return (*jumps, *(part for decision in places if isinstance(decision, tuple) for part in decision))


def _compare(runs: list[tuple[int, Code]], comparisons: list[tuple[int, Code | int, Code | int]]) -> Code | int:
    """Add comparisons that find a number's run. Returns the place of the first of them, or a lone run's decision."""
    if len(runs) == 1:
        return runs[0][1]
    place, middle = len(comparisons), len(runs) // 2
    comparisons.append((0, 0, 0))  # takes the place before those of its halves
    comparisons[place] = (runs[middle][0], _compare(runs[:middle], comparisons), _compare(runs[middle:], comparisons))
    return place


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


class Filter:
    """The filter, assembled once in the parent; a session only installs it."""

    def __init__(self, libc: ctypes.CDLL) -> None:
        if platform.machine() != "x86_64":
            raise NotImplementedError(f"the sandbox's system call filter knows x86_64 only, not {platform.machine()}")
        code = b"".join(assemble())
        self._libc = libc
        self._code = ctypes.create_string_buffer(code, len(code))
        self._program = _Program(len(code) // _INSTRUCTION_BYTES, ctypes.addressof(self._code))

    def install(self) -> None:
        """Install the filter in this process and its descendants, permanently. Raises OSError."""
        done = self._libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(self._program), 0, 0)
        if done != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"seccomp: {os.strerror(number)}")
