"""Attacks on files: what is visible, what can be written, and how much of it."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox.execution import Execution, Status
from sandbox.interpreter import Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="session")

type Attack = Callable[..., Awaitable[Execution]]

TRY = """
import os, errno
def attempt(call, *arguments):
    try: return call(*arguments)
    except OSError as error: return errno.errorcode[error.errno]
"""


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/shadow", "/root", "/home", "/var", "/proc", "/sys", "/run"])
async def test_the_hosts_files_are_not_there(attack: Attack, path: str) -> None:
    assert (await attack(TRY + f"attempt(os.stat, {path!r})")).value == "'ENOENT'"


async def test_the_programs_own_files_are_not_there(attack: Attack) -> None:
    paths = [str(Path.cwd()), __file__]
    assert (await attack(TRY + f"[attempt(os.stat, path) for path in {paths!r}]")).value == "['ENOENT', 'ENOENT']"


async def test_the_root_shows_the_interpreter_and_nothing_else(attack: Attack) -> None:
    visible = set(eval((await attack("import os\nos.listdir('/')")).value or ""))
    assert {"python", "tmp"} <= visible <= {"dev", "guest", "lib", "lib64", "packages", "python", "tmp", "usr"}


async def test_a_path_above_the_root_stays_at_the_root(attack: Attack) -> None:
    source = "import os\nos.listdir('/' + '../' * 50) == os.listdir('/'), os.path.exists('../' * 50 + 'etc/passwd')"
    assert (await attack(source)).value == "(True, False)"


@pytest.mark.parametrize("path", ["/proc/self/mem", "/proc/1/root", "/proc/sys/kernel", "/proc/self/environ"])
async def test_there_is_no_proc(attack: Attack, path: str) -> None:
    assert (await attack(TRY + f"attempt(os.open, {path!r}, os.O_RDONLY)")).value == "'ENOENT'"


async def test_only_harmless_devices_are_there(attack: Attack) -> None:
    assert (await attack("import os\nsorted(os.listdir('/dev'))")).value == "['null', 'urandom']"


async def test_device_nodes_cannot_be_made(attack: Attack) -> None:
    source = TRY + "import stat\n"
    source += (
        "[attempt(os.mknod, '/tmp/disk', kind | 0o600, os.makedev(8, 0)) for kind in (stat.S_IFBLK, stat.S_IFCHR)]"
    )
    assert (await attack(source)).value == "['EPERM', 'EPERM']"


async def test_nothing_but_the_tmpfs_can_be_written(attack: Attack) -> None:
    source = """
import os
written, tried = [], 0
for folder, _, files in os.walk('/'):
    if folder.startswith(('/tmp', '/dev')): continue
    for path in [os.path.join(folder, 'new'), *[os.path.join(folder, file) for file in files[:3]]]:
        tried += 1
        try: os.close(os.open(path, os.O_WRONLY | os.O_CREAT)); written.append(path)
        except OSError: pass
written, tried > 100"""
    assert (await attack(source)).value == "([], True)"


async def test_a_module_on_disk_cannot_be_replaced(attack: Attack) -> None:
    source = TRY + "import sympy\nfile = sympy.__file__\nattempt(os.unlink, file), attempt(os.rename, file, '/tmp/x'), "
    source += "attempt(os.chmod, file, 0o777), attempt(os.truncate, file, 0), attempt(os.utime, file)"
    answers = set(eval((await attack(source)).value or "()"))
    assert answers <= {"EROFS", "EPERM", "EACCES", "EXDEV"}
    assert len(answers) >= 1


async def test_a_hard_link_to_the_interpreter_is_refused(attack: Attack) -> None:
    assert (await attack(TRY + "attempt(os.link, '/python/bin/python3', '/tmp/python')")).value in {
        "'EXDEV'",
        "'EPERM'",
    }


async def test_a_symbolic_link_to_the_host_leads_nowhere(attack: Attack) -> None:
    source = TRY + "os.symlink('/etc/passwd', '/tmp/link')\nos.path.lexists('/tmp/link'), attempt(os.stat, '/tmp/link')"
    assert (await attack(source)).value == "(True, 'ENOENT')"


async def test_a_ring_of_symbolic_links_is_an_error(attack: Attack) -> None:
    source = TRY + "os.symlink('/tmp/a', '/tmp/b')\nos.symlink('/tmp/b', '/tmp/a')\nattempt(os.stat, '/tmp/a')"
    assert (await attack(source)).value == "'ELOOP'"


async def test_writing_through_a_symbolic_link_reaches_nothing_read_only(attack: Attack) -> None:
    source = TRY + "import sympy\nos.symlink(sympy.__file__, '/tmp/link')\nattempt(os.open, '/tmp/link', os.O_WRONLY)"
    assert (await attack(source)).value in {"'EROFS'", "'EACCES'"}


async def test_a_full_disk_is_an_error(attack: Attack) -> None:
    source = (
        TRY
        + """
def fill():
    for number in range(100):
        with open(f'/tmp/{number}', 'wb') as file: file.write(b'x' * (1 << 20))
attempt(fill), sum(os.stat('/tmp/' + name).st_size for name in os.listdir('/tmp')) <= 8 << 20"""
    )
    assert (await attack(source)).value == "('ENOSPC', True)"


async def test_a_file_that_is_too_long_is_an_error(attack: Attack) -> None:
    source = TRY + "file = open('/tmp/long', 'wb', 0)\n"
    source += "def grow():\n    while True: file.write(b'x' * (1 << 20))\nattempt(grow), file.tell()"
    assert (await attack(source)).value == f"('EFBIG', {4 << 20})"


async def test_a_sparse_file_has_the_same_limit_as_others(attack: Attack) -> None:
    source = TRY + "file = open('/tmp/sparse', 'wb')\nattempt(file.truncate, 1 << 40), os.stat('/tmp/sparse').st_size"
    assert (await attack(source)).value == "('EFBIG', 0)"


async def test_too_many_files_are_an_error(attack: Attack) -> None:
    source = TRY + "def litter():\n    for n in range(10**6): open(f'/tmp/{n}', 'w').close()\n"
    source += "attempt(litter), len(os.listdir('/tmp')) < 5000"
    assert (await attack(source)).value == "('ENOSPC', True)"


async def test_endlessly_nested_folders_are_an_error(attack: Attack) -> None:
    source = TRY + "def dig():\n    while True:\n        os.mkdir('d')\n        os.chdir('d')\nattempt(dig)"
    assert (await attack(source)).value == "'ENOSPC'"


async def test_a_program_in_the_tmpfs_cannot_be_started(attack: Attack) -> None:
    source = (
        TRY + "import shutil\nopen('/tmp/run', 'wb').write(b'#!/python/bin/python3\\n')\nos.chmod('/tmp/run', 0o755)\n"
    )
    assert (await attack(source + "attempt(os.execv, '/tmp/run', ['run'])")).value == "'EACCES'"


async def test_the_dynamic_linker_does_not_start_a_program_in_the_tmpfs(attack: Attack) -> None:
    source = """
import glob, shutil, subprocess
linker = glob.glob('/lib64/ld-linux-x86-64.so.2')[0]
library = glob.glob('/lib*/**/libz.so*', recursive=True) or glob.glob('/lib*/**/libm.so*', recursive=True)
shutil.copy(library[0], '/tmp/program')
subprocess.run([linker, '/tmp/program'], capture_output=True).stderr.decode()"""
    assert "failed to map segment" in ((await attack(source)).value or "")


async def test_a_library_in_the_tmpfs_cannot_be_loaded(attack: Attack) -> None:
    source = """
import ctypes, glob, shutil
library = glob.glob('/lib*/**/libz.so*', recursive=True) or glob.glob('/lib*/**/libm.so*', recursive=True)
shutil.copy(library[0], '/tmp/evil.so')
ctypes.CDLL('/tmp/evil.so')"""
    execution = await attack(source)
    assert execution.status is Status.ERROR
    assert "failed to map segment" in execution.error


async def test_a_set_user_id_program_gives_nothing(attack: Attack) -> None:
    source = (
        TRY
        + """
import ctypes
open('/tmp/su', 'wb').write(open('/python/bin/python3', 'rb').read(1000))
os.chmod('/tmp/su', 0o6755)
attempt(os.execv, '/tmp/su', ['su']), ctypes.CDLL(None).prctl(39, 0, 0, 0, 0), os.getresuid()"""
    )
    assert (await attack(source)).value == "('EACCES', 1, (65534, 65534, 65534))"


async def test_a_session_is_nobody_without_a_capability(attack: Attack) -> None:
    source = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
libc.capget(header, data)
bounding = [n for n in range(41) if libc.prctl(23, n, 0, 0, 0) == 1]
os.getresuid() + os.getresgid() == (65534,) * 6, set(os.getgroups()) <= {65534}, list(data), bounding"""
    assert (await attack(source)).value == "(True, True, [0, 0, 0, 0, 0, 0], [])"


@pytest.mark.parametrize("call", ["os.setuid, 0", "os.setgid, 0", "os.setgroups, [0]", "os.setresuid, 0, 0, 0"])
async def test_the_identity_of_root_cannot_be_assumed(attack: Attack, call: str) -> None:
    assert (await attack(TRY + f"attempt({call})")).value in {"'EPERM'", "'EINVAL'"}


async def test_the_environment_holds_nothing_but_numbers_of_threads(attack: Attack) -> None:
    source = "import os, ctypes\ne = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), 'environ')\n"
    value = (await attack(source + "sorted(os.environ.items()), e[2], sorted(e[:2])")).value
    pairs = [("OMP_NUM_THREADS", "1"), ("OPENBLAS_NUM_THREADS", "1")]
    assert value == str((pairs, None, [f"{name}={number}".encode() for name, number in pairs]))


async def test_secrets_of_the_hosts_environment_are_not_inherited(attack: Attack) -> None:
    inherited = {name for name in os.environ if len(os.environ[name]) > 3 and not name.endswith("_NUM_THREADS")}
    source = f"import os\n[name for name in {sorted(inherited)!r} if os.getenv(name) is not None]"
    assert inherited
    assert (await attack(source)).value == "[]"


async def test_other_sessions_files_are_not_there(attacked: Sandbox) -> None:
    async with attacked.session() as victim, attacked.session() as attacker:
        assert (await victim.run("open('/tmp/secret', 'w').write('x')")).value == "1"
        assert (await attacker.run("import os\nos.listdir('/tmp')")).value == "[]"
        assert (await victim.run("open('/tmp/secret').read()")).value == "'x'"


async def test_no_descriptor_but_the_sessions_own_can_be_stolen(attack: Attack) -> None:
    source = TRY + "[fd for fd in range(1024) if attempt(os.fstat, fd) != 'EBADF']"
    assert (await attack(source)).value == "[0, 1, 2, 3]"


async def test_a_named_pipe_does_not_reach_another_session(attacked: Sandbox) -> None:
    async with attacked.session() as one, attacked.session() as other:
        await one.run("import os\nos.mkfifo('/tmp/pipe')\nfd = os.open('/tmp/pipe', os.O_RDWR | os.O_NONBLOCK)")
        assert "FileNotFoundError" in (await other.run("import os\nos.open('/tmp/pipe', os.O_RDWR)")).error


async def test_our_own_modules_cannot_be_imported(attack: Attack) -> None:
    assert "ModuleNotFoundError" in (await attack("import sandbox")).error
