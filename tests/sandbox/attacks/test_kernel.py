"""System calls that are denied to sessions. Each is made by number, to bypass every check of the C library."""

from collections.abc import Awaitable, Callable

import pytest

from sandbox.execution import Execution, Status

pytestmark = pytest.mark.asyncio(loop_scope="session")

type Attack = Callable[..., Awaitable[Execution]]

CALL = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    result = libc.syscall(number, *(ctypes.c_long(argument) for argument in (*arguments, *[0] * 6)[:6]))
    return ctypes.get_errno() if result == -1 else f'result {result}'
assert call(39) == 'result 1'  # getpid: calls by number work
"""
EPERM, ENOSYS = 1, 38

# x86-64 numbers, from the kernel's arch/x86/entry/syscalls/syscall_64.tbl.
DENIED = {
    "ptrace": 101,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "perf_event_open": 298,
    "bpf": 321,
    "userfaultfd": 323,
    "keyctl": 250,
    "add_key": 248,
    "request_key": 249,
    "kexec_load": 246,
    "kexec_file_load": 320,
    "init_module": 175,
    "finit_module": 313,
    "delete_module": 176,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "mount": 165,
    "umount2": 166,
    "pivot_root": 155,
    "chroot": 161,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsmount": 432,
    "mount_setattr": 442,
    "statmount": 457,
    "listmount": 458,
    "setns": 308,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "fanotify_init": 300,
    "memfd_create": 319,
    "personality": 135,
    "modify_ldt": 154,
    "iopl": 172,
    "reboot": 169,
    "swapon": 167,
    "acct": 163,
    "quotactl": 179,
    "syslog": 103,
    "sethostname": 170,
    "shmget": 29,
    "semget": 64,
    "msgget": 68,
    "mq_open": 240,
    "flock": 73,
    "inotify_init1": 294,
}
NAMESPACES = {
    "user": 0x10000000,
    "mount": 0x00020000,
    "pid": 0x20000000,
    "network": 0x40000000,
    "ipc": 0x08000000,
    "uts": 0x04000000,
    "cgroup": 0x02000000,
    "time": 0x00000080,
}


@pytest.mark.parametrize("name", DENIED)
async def test_the_system_call_is_denied(attack: Attack, name: str) -> None:
    assert (await attack(CALL + f"call({DENIED[name]})")).value == str(EPERM)


@pytest.mark.parametrize("name", NAMESPACES)
async def test_a_new_namespace_by_unshare_is_denied(attack: Attack, name: str) -> None:
    assert (await attack(CALL + f"call(272, {NAMESPACES[name]})")).value == str(EPERM)


@pytest.mark.parametrize("name", [name for name in NAMESPACES if name != "time"])
async def test_a_new_namespace_by_clone_is_denied(attack: Attack, name: str) -> None:
    assert (await attack(CALL + f"call(56, {NAMESPACES[name]} | 17)")).value == str(EPERM)


async def test_clone3_whose_flags_a_filter_cannot_see_does_not_exist(attack: Attack) -> None:
    assert (await attack(CALL + "call(435)")).value == str(ENOSYS)


async def test_a_child_cannot_be_traced_by_its_parent(attack: Attack) -> None:
    source = (
        CALL
        + """
import os, time
child = os.fork()
if child == 0: time.sleep(1000)
call(101, 16, child)  # PTRACE_ATTACH"""
    )
    assert (await attack(source)).value == str(EPERM)


async def test_the_memory_of_a_child_cannot_be_read(attack: Attack) -> None:
    source = (
        CALL
        + """
import os, time
secret, copy = ctypes.create_string_buffer(b'secret'), ctypes.create_string_buffer(6)
child = os.fork()
if child == 0: time.sleep(1000)
def vector(buffer): return (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 6)
a, b = vector(copy), vector(secret)
call(310, child, ctypes.addressof(a), 1, ctypes.addressof(b), 1), copy.raw"""
    )
    assert (await attack(source)).value == f"({EPERM}, b'\\x00\\x00\\x00\\x00\\x00\\x00')"


async def test_a_call_through_the_x32_table_ends_the_session(attack: Attack) -> None:
    execution = await attack(CALL + "call(0x40000000 + 39)")
    assert execution.status is Status.KILLED
    assert "SIGSYS" in execution.error


async def test_a_call_through_the_32_bit_table_ends_the_session(attack: Attack) -> None:
    # mov eax, 20 (getpid); int 0x80; ret
    source = """
import ctypes, mmap
code = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex('b814000000cd80c3'))
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()"""
    execution = await attack(source)
    assert execution.status is Status.KILLED
    assert "SIGSYS" in execution.error or "SIGSEGV" in execution.error  # the latter where the kernel has no such table


async def test_the_filter_cannot_be_removed(attack: Attack) -> None:
    source = CALL + "ctypes.CDLL(None).prctl(22, 0, 0, 0, 0), call(165)"
    assert (await attack(source)).value == f"(-1, {EPERM})"


async def test_the_filter_binds_children_too(attack: Attack) -> None:
    source = CALL + "import os\nchild = os.fork()\nif not child: os._exit(call(101))\nos.waitpid(child, 0)[1] >> 8"
    assert (await attack(source)).value == str(EPERM)


async def test_the_clock_cannot_be_set(attack: Attack) -> None:
    assert "PermissionError" in (await attack("import time\ntime.clock_settime(time.CLOCK_REALTIME, 0)")).error


async def test_named_shared_memory_is_denied(attack: Attack) -> None:
    source = "from multiprocessing import shared_memory\nshared_memory.SharedMemory('meet', create=True, size=1)"
    execution = await attack(source)
    assert execution.status is Status.ERROR
    assert execution.error.splitlines()[-1].startswith(("FileNotFoundError", "PermissionError", "OSError"))
