"""What a block cannot reach."""

import os
from pathlib import Path

import pytest

from sandbox.execution import Status
from sandbox.interpreter import Sandbox, Session


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET"])
@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW"])
async def test_no_network(session: Session, family: str, kind: str) -> None:
    execution = await session.run(f"import socket\nsocket.socket(socket.{family}, socket.{kind})")
    assert "PermissionError" in execution.error


async def test_a_socket_pair_cannot_be_bound(session: Session) -> None:
    source = "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\na.bind('\\0meet')"
    assert "PermissionError" in (await session.run(source)).error


async def test_host_files_are_not_there(session: Session) -> None:
    execution = await session.run("import os\nsorted(os.listdir('/'))")
    visible = {"dev", "guest", "lib", "lib64", "packages", "python", "tmp", "usr"}
    assert set(eval(execution.value or "[]")) <= visible
    for path in ("/etc/passwd", "/root", "/home", "/proc/self", "/sys/kernel", str(Path.cwd())):
        assert (await session.run(f"os.path.exists({path!r})")).value == "False", path


async def test_only_harmless_devices_are_there(session: Session) -> None:
    assert (await session.run("import os\nsorted(os.listdir('/dev'))")).value == "['null', 'urandom', 'zero']"


async def test_nothing_but_the_tmpfs_can_be_written(session: Session) -> None:
    source = """
import os
written = []
for folder, _, files in os.walk('/'):
    if folder.startswith(('/tmp', '/dev')): continue
    for path in [os.path.join(folder, 'new'), *[os.path.join(folder, f) for f in files[:3]]]:
        try: os.close(os.open(path, os.O_WRONLY | os.O_CREAT)); written.append(path)
        except OSError: pass
written"""
    assert (await session.run(source)).value == "[]"


async def test_the_environment_is_empty(session: Session) -> None:
    source = "import os, ctypes\ne = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')\n"
    assert (await session.run(source + "dict(os.environ), bool(e) and e[0]")).value in {"({}, None)", "({}, False)"}


async def test_a_session_is_nobody(session: Session) -> None:
    assert (await session.run("import os\nos.getresuid() + os.getresgid()")).value == str((65534,) * 6)
    assert (await session.run("set(os.getgroups()) <= {65534}")).value == "True"


async def test_a_session_has_no_capability(session: Session) -> None:
    source = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
libc.capget(header, data)
list(data), [n for n in range(41) if libc.prctl(23, n, 0, 0, 0) == 1], libc.prctl(39, 0, 0, 0, 0)"""
    assert (await session.run(source)).value == "([0, 0, 0, 0, 0, 0], [], 1)"


async def test_a_session_cannot_regain_its_identity(session: Session) -> None:
    for call in ("setuid(0)", "setgid(0)", "setgroups([0])", "chroot('/tmp')"):
        assert (
            "PermissionError" in (await session.run(f"import os\nos.{call}")).error
            or "OSError" in (await session.run(f"os.{call}")).error
        )


SYSTEM_CALLS = {
    "ptrace": 101,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "mount": 165,
    "umount2": 166,
    "pivot_root": 155,
    "kexec_load": 246,
    "bpf": 321,
    "perf_event_open": 298,
    "userfaultfd": 323,
    "keyctl": 250,
    "add_key": 248,
    "init_module": 175,
    "finit_module": 313,
    "io_uring_setup": 425,
    "setns": 308,
    "shmget": 29,
    "msgget": 68,
    "mq_open": 240,
    "open_tree": 428,
    "fsopen": 430,
    "name_to_handle_at": 303,
    "memfd_create": 319,
    "pidfd_getfd": 438,
    "personality": 135,
}


@pytest.mark.parametrize("name", SYSTEM_CALLS)
async def test_system_call_is_denied(session: Session, name: str) -> None:
    source = f"import ctypes\nc = ctypes.CDLL(None, use_errno=True)\nc.syscall({SYSTEM_CALLS[name]}, 0, 0, 0, 0, 0)"
    assert (await session.run(source + ", ctypes.get_errno()")).value == "(-1, 1)"


@pytest.mark.parametrize("flag", [0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000])
async def test_new_namespaces_are_denied(session: Session, flag: int) -> None:
    source = f"import ctypes\nc = ctypes.CDLL(None, use_errno=True)\n(c.syscall(56, {flag} | 17, 0, 0, 0, 0), "
    assert (await session.run(source + f"c.syscall(272, {flag}), ctypes.get_errno())")).value == "(-1, -1, 1)"


async def test_sessions_do_not_see_each_others_files(sandbox: Sandbox) -> None:
    async with sandbox.session() as one, sandbox.session() as other:
        await one.run("open('/tmp/secret', 'w').write('x')")
        assert (await other.run("import os\nos.listdir('/tmp')")).value == "[]"
    async with sandbox.session() as later:
        assert (await later.run("import os\nos.listdir('/tmp')")).value == "[]"


async def test_sessions_do_not_see_each_others_processes(sandbox: Sandbox) -> None:
    source = """
import os
def there(pid):
    try: os.kill(pid, 0)
    except ProcessLookupError: return False
    return True
os.getpid(), os.getppid(), [pid for pid in range(2, 5000) if there(pid)]"""
    async with sandbox.session() as one, sandbox.session() as other:
        await one.run("1")
        assert (await other.run(source)).value == "(1, 0, [])"


async def test_signals_to_everyone_reach_nobody_else(sandbox: Sandbox) -> None:
    async with sandbox.session() as one, sandbox.session() as other:
        await one.run("x = 1")
        await other.run(
            "import os, signal\nfor t in (-1, 0):\n    try: os.kill(t, signal.SIGKILL)\n    except OSError: pass"
        )
        assert (await one.run("x")).value == "1"


async def test_changes_to_modules_do_not_reach_the_next_session(sandbox: Sandbox) -> None:
    async with sandbox.session() as one:
        await one.run("import math, builtins\nmath.sqrt = builtins.len = None")
    async with sandbox.session() as other:
        assert (await other.run("import math\nmath.sqrt(4), len([])")).value == "(2.0, 0)"


async def test_sessions_draw_different_random_numbers(sandbox: Sandbox) -> None:
    async with sandbox.session() as one, sandbox.session() as other:
        source = "import random\nrandom.random()"
        assert (await one.run(source)).value != (await other.run(source)).value


async def test_the_parents_descriptors_are_not_inherited(session: Session) -> None:
    source = "import os\ndef is_open(fd):\n    try: os.fstat(fd)\n    except OSError: return False\n    return True\n"
    assert (await session.run(source + "[fd for fd in range(64) if is_open(fd)]")).value == "[0, 1, 2, 3]"


async def test_modules_of_ours_are_out_of_sight(session: Session) -> None:
    assert "ModuleNotFoundError" in (await session.run("import sandbox")).error


def process_names() -> list[str]:
    return [path.read_text().strip() for path in Path("/proc").glob("[0-9]*/comm")]


async def test_ignored_signals_and_daemons_end_with_the_session(sandbox: Sandbox) -> None:
    mark = f"mark-{os.getpid()}"
    source = f"""
import ctypes, os, signal, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(15, {mark[:15]!r}.encode(), 0, 0, 0)
    if os.fork() == 0: time.sleep(100)
    time.sleep(100)"""
    async with sandbox.session() as session:
        assert (await session.run(source)).status is Status.OK
    await sandbox.close()
    assert mark[:15] not in process_names()
