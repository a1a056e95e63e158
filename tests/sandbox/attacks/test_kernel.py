"""System calls that are denied to sessions. Each is made by number, to bypass every check of the C library."""

from collections.abc import Awaitable, Callable

import pytest

from sandbox.execution import Execution, Status
from sandbox.guest.syscalls import ATTRIBUTES, FLUSHES, NUMBERS

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
EPERM, ENXIO, ENOSYS, ENOTSUP = 1, 6, 38, 95

DENIED = {
    "other processes": """
        ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd pidfd_send_signal process_madvise process_mrelease
        perf_event_open get_robust_list rt_tgsigqueueinfo
    """,
    "rarely used kernel code": """
        bpf userfaultfd seccomp keyctl add_key request_key kexec_load kexec_file_load init_module finit_module
        delete_module io_uring_setup io_uring_enter io_uring_register io_setup io_destroy io_submit io_getevents
        io_cancel io_pgetevents membarrier map_shadow_stack mseal pkey_alloc futex_waitv futex_wait futex_wake
        futex_requeue landlock_create_ruleset landlock_add_rule landlock_restrict_self lsm_get_self_attr
        lsm_set_self_attr lsm_list_modules
    """,
    "the machine": """
        personality modify_ldt iopl ioperm reboot swapon swapoff acct quotactl quotactl_fd syslog sethostname
        setdomainname vhangup settimeofday clock_settime adjtimex clock_adjtime
    """,
    "mounts and other names of files": """
        mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick mount_setattr
        statmount listmount listns setns name_to_handle_at open_by_handle_at fanotify_init fanotify_mark memfd_create
        memfd_secret execveat file_getattr file_setattr chown fchown lchown fchownat
    """,
    "the page cache and the kernel's buffers": """
        splice tee vmsplice sendfile copy_file_range readahead fadvise64 mincore cachestat
    """,
    "memory and processors": """
        mlock mlock2 mlockall remap_file_pages mbind set_mempolicy get_mempolicy migrate_pages move_pages
        sched_setaffinity sched_setscheduler sched_setparam sched_setattr ioprio_set ioprio_get
    """,
    "objects counted per user": """
        timer_create timerfd_create signalfd4 eventfd2 shmget shmat semget semop msgget msgsnd mq_open flock
        inotify_init1 inotify_add_watch
    """,
    "sockets": """
        socket bind connect listen accept4 sendmsg sendmmsg recvmsg recvmmsg setsockopt
    """,
    "identity": """
        setuid setgid setreuid setresuid setgroups setfsuid capset
    """,
}
# Of prctl: <linux/prctl.h>.
PROCESS_OPTIONS = {
    "PR_SET_DUMPABLE": 4,
    "PR_SET_KEEPCAPS": 8,
    "PR_SET_SECCOMP": 22,
    "PR_SET_SECUREBITS": 28,
    "PR_SET_TIMERSLACK": 29,
    "PR_SET_MM": 35,
    "PR_SET_CHILD_SUBREAPER": 36,
    "PR_CAP_AMBIENT": 47,
    "PR_SET_SPECULATION_CTRL": 53,
    "PR_SET_IO_FLUSHER": 57,
    "PR_SET_SYSCALL_USER_DISPATCH": 59,
    "PR_SCHED_CORE": 62,
    "PR_SET_MEMORY_MERGE": 67,
    "PR_SET_PTRACER": 0x59616D61,
}
# Of ioctl: <asm-generic/ioctls.h>, <linux/fs.h>, <linux/random.h>, <linux/sockios.h>.
DEVICE_COMMANDS = {
    "TIOCSTI": 0x5412,
    "TIOCSCTTY": 0x540E,
    "TIOCLINUX": 0x541C,
    "FIOASYNC": 0x5452,
    "FICLONE": 0x40049409,
    "FS_IOC_SETFLAGS": 0x40086602,
    "FIFREEZE": 0xC0045877,
    "RNDADDTOENTCNT": 0x40045201,
    "RNDCLEARPOOL": 0x5206,
    "SIOCGIFCONF": 0x8912,
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


@pytest.mark.parametrize("name", [name for names in DENIED.values() for name in names.split()])
async def test_the_system_call_is_denied(attack: Attack, name: str) -> None:
    assert (await attack(CALL + f"call({NUMBERS[name]})")).value == str(EPERM)


@pytest.mark.parametrize("number", [336 + 1, 400, 471, 500, 599])
async def test_a_system_call_that_the_table_lacks_does_not_exist(attack: Attack, number: int) -> None:
    assert (await attack(CALL + f"call({number})")).value == str(ENOSYS)


@pytest.mark.parametrize("name", ["uretprobe", "uprobe"])
async def test_the_calls_that_no_filter_sees_end_the_session_or_fail(attack: Attack, name: str) -> None:
    execution = await attack(CALL + f"call({NUMBERS[name]})")
    assert "SIGILL" in execution.error or execution.value in {str(ENXIO), str(ENOSYS), str(EPERM)}


@pytest.mark.parametrize("name", FLUSHES)
async def test_flushing_the_hosts_disks_does_nothing(attack: Attack, name: str) -> None:
    assert (await attack(CALL + f"call({NUMBERS[name]}, -1)")).value == "'result 0'"  # made, it would return EBADF


@pytest.mark.parametrize("name", ATTRIBUTES)
async def test_files_have_no_extended_attributes(attack: Attack, name: str) -> None:
    assert (await attack(CALL + f"call({NUMBERS[name]})")).value == str(ENOTSUP)


@pytest.mark.parametrize("option", PROCESS_OPTIONS)
async def test_the_process_option_is_denied(attack: Attack, option: str) -> None:
    assert (await attack(CALL + f"call(157, {PROCESS_OPTIONS[option]}, 1)")).value == str(EPERM)


@pytest.mark.parametrize("command", DEVICE_COMMANDS)
async def test_the_command_to_a_device_is_denied(attack: Attack, command: str) -> None:
    source = CALL + f"import os\nfd = os.open('/dev/urandom', os.O_RDWR)\ncall(16, fd, {DEVICE_COMMANDS[command]})"
    assert (await attack(source)).value == str(EPERM)


@pytest.mark.parametrize("operation", [6, 7, 8, 11, 12, 13])
async def test_locks_that_inherit_priorities_are_denied(attack: Attack, operation: int) -> None:
    assert (await attack(CALL + f"call(202, 0, {operation})")).value == str(EPERM)


@pytest.mark.parametrize("advice", [12, 20, 21, 25, 100, 101])
async def test_merging_reclaiming_or_poisoning_memory_is_denied(attack: Attack, advice: int) -> None:
    assert (await attack(CALL + f"call(28, 0, 0, {advice})")).value == str(EPERM)


@pytest.mark.parametrize("flags", [0x40022, 0x2022, 0x21, 0x23, 0x28])
async def test_huge_locked_or_shared_anonymous_memory_is_denied(attack: Attack, flags: int) -> None:
    assert (await attack(CALL + f"call(9, 0, 4096, 3, {flags}, -1)")).value == str(EPERM)


@pytest.mark.parametrize("command", [0x1011, 0x1012, 0x1023, 0x4001, 0x5001])
async def test_a_mode_of_the_processor_cannot_be_changed(attack: Attack, command: int) -> None:
    assert (await attack(CALL + f"call(158, {command})")).value == str(EPERM)


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
