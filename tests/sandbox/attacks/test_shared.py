"""Attacks through what a session shares with the host and with other sessions: devices, descriptors, the page cache,
the host's handler of core dumps.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox.execution import Execution, Status
from sandbox.interpreter import Sandbox, Session

pytestmark = pytest.mark.asyncio(loop_scope="session")

type Attack = Callable[..., Awaitable[Execution]]

TRY = """
import errno, os
def attempt(call, *arguments):
    try: return call(*arguments)
    except OSError as error: return errno.errorcode[error.errno]
"""


@pytest.mark.parametrize("device", ["/dev/null", "/dev/urandom"])
@pytest.mark.parametrize("call", ["os.utime", "os.chmod, {}, 0o600", "os.unlink", "os.rename, {}, '/dev/other'"])
async def test_a_device_of_the_host_cannot_be_changed(attack: Attack, call: str, device: str) -> None:
    function, _, arguments = call.partition(", ")
    source = f"attempt({function}, {arguments.format(repr(device)) or repr(device)})"
    assert (await attack(TRY + source)).value == "'EROFS'"


async def test_the_times_of_a_device_stay_those_of_the_host(attack: Attack) -> None:
    before = os.stat("/dev/null")
    await attack(TRY + "attempt(os.utime, '/dev/null', (1, 1)), attempt(os.utime, '/dev/null')")
    after = os.stat("/dev/null")
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)


async def test_a_device_can_still_be_written_to(attack: Attack) -> None:
    assert (
        await attack("open('/dev/null', 'w').write('x'), len(open('/dev/urandom', 'rb').read(8))")
    ).value == "(1, 8)"


async def test_nothing_can_be_made_beside_the_devices(attack: Attack) -> None:
    source = TRY + "attempt(os.mkdir, '/dev/shm'), attempt(os.open, '/dev/x', os.O_CREAT | os.O_WRONLY)"
    assert (await attack(source)).value == "('EROFS', 'EROFS')"


@pytest.mark.parametrize("kind", ["S_IFBLK", "S_IFCHR", "S_IFSOCK", "S_IFREG"])
async def test_no_node_but_a_pipe_can_be_made(attack: Attack, kind: str) -> None:
    source = TRY + f"import stat\nattempt(os.mknod, '/tmp/node', stat.{kind} | 0o600), attempt(os.mkfifo, '/tmp/pipe')"
    assert (await attack(source)).value == "('EPERM', None)"


async def test_the_flags_of_standard_input_do_not_reach_another_session(attacked: Sandbox) -> None:
    async with attacked.session() as victim, attacked.session() as attacker:
        read = "import fcntl, os\nfcntl.fcntl(0, fcntl.F_GETFL)"
        before = (await victim.run(read)).value
        change = "fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_APPEND | os.O_NONBLOCK)"
        assert (await attacker.run(f"import fcntl, os\n{change}")).value == "0"
        assert (await victim.run(read)).value == before


async def test_signals_on_input_cannot_be_requested(attack: Attack) -> None:
    assert "PermissionError" in (await attack("import fcntl, os\nfcntl.fcntl(0, fcntl.F_SETFL, os.O_ASYNC)")).error
    assert "PermissionError" in (await attack("import fcntl, os\nfcntl.fcntl(0, fcntl.F_SETOWN, 1)")).error


@pytest.mark.parametrize("how", ["os.open(path, os.O_DIRECT)", "fcntl.fcntl(fd, fcntl.F_SETFL, os.O_DIRECT)"])
async def test_reads_past_the_page_cache_are_denied(attack: Attack, how: str) -> None:
    source = f"import fcntl, os\npath = '/python/bin/python3'\nfd = os.open(path, os.O_RDONLY)\n{how}"
    assert "PermissionError" in (await attack(source)).error


async def test_the_hosts_files_cannot_be_evicted_from_the_page_cache(attack: Attack) -> None:
    source = "import os\nos.posix_fadvise(os.open('/python/bin/python3', os.O_RDONLY), 0, 0, os.POSIX_FADV_DONTNEED)"
    assert "PermissionError" in (await attack(source)).error


async def test_a_larger_pipe_than_the_default_is_denied(attack: Attack) -> None:
    source = "import fcntl, os\nfcntl.fcntl(os.pipe()[1], fcntl.F_SETPIPE_SZ, 1 << 20)"
    assert "PermissionError" in (await attack(source)).error


async def test_a_larger_buffer_of_a_socket_is_denied(attack: Attack) -> None:
    source = "import socket\nsocket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)"
    assert "PermissionError" in (await attack(source)).error


async def test_a_filter_cannot_be_attached_to_a_socket(attack: Attack) -> None:
    source = "import socket\nsocket.socketpair()[0].setsockopt(socket.SOL_SOCKET, 26, bytes(16))"
    assert "PermissionError" in (await attack(source)).error


async def test_descriptors_cannot_be_kept_in_flight(attack: Attack) -> None:
    source = "import os, socket\na, b = socket.socketpair()\nsocket.send_fds(a, [b'x'], [os.open('/dev/null', 0)])"
    assert "PermissionError" in (await attack(source)).error


@pytest.mark.parametrize("option", ["SO_PEERCRED", "SO_PEERSEC", 59, 77], ids=["user", "label", "groups", "pidfd"])
async def test_the_channel_does_not_tell_who_is_at_its_other_end(attack: Attack, option: str | int) -> None:
    number = option if isinstance(option, int) else f"socket.{option}"
    source = f"import os, socket\nsocket.socket(fileno=os.dup(3)).getsockopt(socket.SOL_SOCKET, {number}, 12)"
    assert "PermissionError" in (await attack(source)).error


@pytest.mark.parametrize("call", ["a.send(b'x', socket.MSG_OOB)", "b.recv(1, socket.MSG_OOB)"])
async def test_out_of_band_bytes_are_denied(attack: Attack, call: str) -> None:
    assert "PermissionError" in (await attack(f"import socket\na, b = socket.socketpair()\n{call}")).error


async def test_a_pipe_of_notifications_is_denied(attack: Attack) -> None:
    assert "PermissionError" in (await attack("import os\nos.pipe2(os.O_EXCL)")).error


def core_limit(session: Session) -> str:
    assert session._process is not None
    limits = Path(f"/proc/{session._process.pid}/limits").read_text().splitlines()
    return next(line for line in limits if line.startswith("Max core file size"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read others' limits")
async def test_a_crash_starts_no_handler_of_core_dumps_on_the_host(attacked: Sandbox) -> None:
    """A limit of one byte: with none, the kernel would start a handler that core_pattern names."""
    async with attacked.session() as session:
        await session.run("1")
        assert core_limit(session).split()[4:6] == ["1", "1"]


@pytest.mark.parametrize("call", ["160, 4, pointer", "302, 0, 4, pointer, 0"])
async def test_the_limit_on_core_dumps_cannot_be_changed(attack: Attack, call: str) -> None:
    source = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nlimits = (ctypes.c_uint64 * 2)(0, 0)\n"
    source += f"pointer = ctypes.c_void_p(ctypes.addressof(limits))\nlibc.syscall({call}), ctypes.get_errno()"
    assert (await attack(source)).value == "(-1, 1)"


async def test_priority_of_a_user_reaches_no_other_session(attacked: Sandbox) -> None:
    async with attacked.session() as victim, attacked.session() as attacker:
        await victim.run("import os")
        await attacker.run("import os\nos.setpriority(os.PRIO_USER, 0, 19)")
        assert (await attacker.run("os.nice(0)")).value == "19"
        assert (await victim.run("os.nice(0)")).value == "0"


async def test_buffers_filled_by_every_process_end_with_their_session(attack: Attack) -> None:
    source = """
import os, socket, time
for _ in range(20):
    if os.fork() == 0:
        pairs = []
        try:
            while True: pairs.append(socket.socketpair())
        except OSError: pass
        for end in (end for pair in pairs for end in pair):
            end.setblocking(False)
            try:
                while True: end.send(b'x' * 65536)
            except OSError: pass
        time.sleep(1000)
time.sleep(2)"""
    assert (await attack(source)).status in {Status.OK, Status.MEMORY}


async def test_many_watched_descriptors_run_into_the_limit_on_descriptors(attack: Attack) -> None:
    source = """
import os, select
polls = []
try:
    while True: polls.append(select.epoll())
except OSError as error: found = error.errno
found, len(polls) < 64"""
    assert (await attack(source)).value == "(24, True)"


async def test_a_flood_of_timer_signals_only_takes_the_sessions_own_time(attack: Attack) -> None:
    source = """
import signal, time
hits = []
signal.signal(signal.SIGALRM, lambda *_: hits.append(1))
signal.setitimer(signal.ITIMER_REAL, 1e-3, 1e-3)
time.sleep(0.3)
signal.setitimer(signal.ITIMER_REAL, 0)
len(hits) > 10"""
    assert (await attack(source)).value == "True"
