"""The table of system calls, and the filter made of it, interpreted here as the kernel does."""

import errno
import re
import struct
from pathlib import Path

import pytest

from sandbox.guest.seccomp import RULES, assemble
from sandbox.guest.syscalls import ALLOWED, ATTRIBUTES, FLUSHES, NUMBERS, allowed
from sandbox.interpreter import Session

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
X86_64, I386 = 0xC000003E, 0x40000003
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
BEYOND_THE_TABLE = 700
LAST_NUMBER_OF_LINUX_6_18 = 469
UNFILTERED = {"uretprobe", "uprobe"}  # the kernel asks no filter, and ends a process that calls them by itself


def decide(number: int, *arguments: int, arch: int = X86_64) -> int:
    """The filter's return value for a call."""
    return run(number, arguments, arch)[0]


def run(number: int, arguments: tuple[int, ...] = (), arch: int = X86_64) -> tuple[int, int]:
    """The filter's return value, and how many instructions it took."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *(*arguments, *[0] * 6)[:6])
    program = [struct.unpack("HBBI", instruction) for instruction in assemble()]
    place, value, steps = 0, 0, 0
    while True:
        code, if_true, if_false, constant = program[place]
        steps += 1
        place += 1
        match code:
            case 0x20:
                value = struct.unpack_from("<I", data, constant)[0]
            case 0x54:
                value &= constant
            case 0x15:
                place += if_true if value == constant else if_false
            case 0x35:
                place += if_true if value >= constant else if_false
            case 0x45:
                place += if_true if value & constant else if_false
            case 0x06:
                return constant, steps
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")


def test_every_number_up_to_the_last_one_is_decided_as_the_table_says() -> None:
    names = {number: name for name, number in NUMBERS.items()}
    for number in range(BEYOND_THE_TABLE):
        name = names.get(number)
        if name in allowed():
            assert decide(number) == ALLOW, name
        elif name in FLUSHES:
            assert decide(number) == ERRNO, name
        elif name in ATTRIBUTES:
            assert decide(number) == ERRNO | errno.ENOTSUP, name
        elif name not in RULES:
            assert decide(number) == ERRNO | (errno.EPERM if name else errno.ENOSYS), (number, name)


def test_the_table_goes_up_to_the_last_call_of_current_kernels() -> None:
    assert max(NUMBERS.values()) >= LAST_NUMBER_OF_LINUX_6_18


@pytest.mark.skipif(not HEADER.exists(), reason="no kernel headers")
def test_the_numbers_are_those_of_the_kernels_header() -> None:
    header = dict(re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text()))
    assert len(header) > 300
    assert {name: NUMBERS.get(name) for name in header} == {name: int(number) for name, number in header.items()}


def test_each_call_is_in_one_place() -> None:
    listed = [name for names in ALLOWED.values() for name in names.split()] + list(RULES)
    assert len(listed) == len(set(listed))
    assert set(listed) <= set(NUMBERS)


@pytest.mark.parametrize("number", [0, 39, 2**30 - 1])
def test_a_call_of_another_architecture_ends_the_session(number: int) -> None:
    assert decide(number, arch=I386) == KILL


@pytest.mark.parametrize("number", [2**30, 2**30 + 39, 2**32 - 1])
def test_a_call_through_the_x32_table_ends_the_session(number: int) -> None:
    assert decide(number) == KILL


def test_a_decision_takes_no_more_instructions_for_later_numbers() -> None:
    assert max(run(number)[1] for number in range(BEYOND_THE_TABLE)) <= 35


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("clone", (0x3D0F00,)),  # a thread
        ("clone", (0x1200011,)),  # a fork
        ("socketpair", (1, 1 | 0o2000000)),
        ("sendto", (3, 0, 0, 0x4000)),  # MSG_NOSIGNAL
        ("recvfrom", (3, 0, 0, 2)),  # MSG_PEEK
        ("getsockopt", (3, 1, 3)),
        ("pipe2", (0, 0o2000000)),
        ("mmap", (0, 4096, 3, 0x22)),
        ("mmap", (0, 4096, 3, 0x20022)),  # a thread's stack
        ("mmap", (0, 4096, 1, 0x01)),  # a shared file
        ("open", (0, 0o2000102)),
        ("openat", (0, 0, 0o2000000)),
        ("fcntl", (0, 1)),
        ("fcntl", (0, 4, 0o4000)),  # O_NONBLOCK
        ("ioctl", (0, 0x5401)),
        ("prctl", (15,)),
        ("prlimit64", (0, 7)),
        ("setrlimit", (7,)),
        ("madvise", (0, 0, 4)),
        ("futex", (0, 0x189)),
        ("mknod", (0, 0o010644)),
    ],
)
def test_ordinary_arguments_are_allowed(name: str, arguments: tuple[int, ...]) -> None:
    assert decide(NUMBERS[name], *arguments) == ALLOW


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *(("clone", (flag,)) for flag in (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000)),
        ("clone", (0x40000000,)),
        ("clone", (0x2000,)),  # traced by its parent's tracer
        ("socketpair", (2, 1)),
        ("socketpair", (1, 2)),
        ("sendto", (3, 0, 0, 1)),  # MSG_OOB
        ("recvfrom", (3, 0, 0, 1)),
        ("getsockopt", (3, 1, 77)),  # SO_PEERPIDFD
        ("pipe2", (0, 0o200)),  # O_NOTIFICATION_PIPE
        ("pipe2", (0, 0o40000)),
        ("mmap", (0, 4096, 3, 0x21)),
        ("mmap", (0, 4096, 3, 0x23)),  # shared, validated
        ("mmap", (0, 4096, 3, 0x28)),  # droppable
        ("mmap", (0, 4096, 3, 0x40022)),  # huge pages
        ("mmap", (0, 4096, 3, 0x2022)),  # locked
        ("open", (0, 0o40000)),  # O_DIRECT
        ("openat", (0, 0, 0o40000)),
        ("fcntl", (0, 4, 0o40000)),
        ("fcntl", (0, 4, 0o20000)),  # O_ASYNC
        ("fcntl", (0, 6)),
        ("fcntl", (0, 1031)),
        ("ioctl", (0, 0x5412)),  # TIOCSTI
        ("prctl", (35,)),  # PR_SET_MM
        ("prctl", (22,)),  # PR_SET_SECCOMP
        ("prlimit64", (1, 7)),
        ("prlimit64", (0, 4)),  # RLIMIT_CORE
        ("setrlimit", (4,)),
        ("madvise", (0, 0, 12)),
        ("madvise", (0, 0, 21)),
        ("futex", (0, 6)),
        ("mknod", (0, 0o060644)),
        ("mknodat", (0, 0, 0o020644)),
    ],
)
def test_other_arguments_are_denied(name: str, arguments: tuple[int, ...]) -> None:
    assert decide(NUMBERS[name], *arguments) == ERRNO | errno.EPERM


async def test_the_kernel_decides_as_the_table_says(session: Session) -> None:
    """Every denied call and every unknown number, made by number in one session, with null arguments."""
    decided = {number: decide(number) for number in range(BEYOND_THE_TABLE)}
    unfiltered = {NUMBERS[name] for name in UNFILTERED}
    expected = {n: value & 0xFFFF for n, value in decided.items() if value != ALLOW and n not in unfiltered}
    source = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
zeros = [ctypes.c_long(0)] * 6
def call(number): return ctypes.get_errno() if libc.syscall(number, *zeros) == -1 else 0
expected = {expected!r}
{{number: errno for number in expected if (errno := call(number)) != expected[number]}}, len(expected) > 300"""
    assert (await session.run(source)).value == "({}, True)"
