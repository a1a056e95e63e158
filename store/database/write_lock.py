"""Who holds SQLite's write lock, from the kernel's own list of locks."""

import os
import re
from pathlib import Path

_KERNEL_LOCKS = Path("/proc/locks")
_WRITE_LOCK_BYTE = 120  # of the index of the write-ahead log: "WAL-Index File Format", SQLite's documentation
_EXCLUSIVE = re.compile(r"POSIX +\S+ +WRITE +(\d+) +\S+:(\d+) +(\d+) +(\d+)$")


def write_lock_holder(database: Path) -> int | None:
    """The id of the process that holds the write lock of the SQLite file `database`.

    None if nobody holds it, or if it cannot be seen: from another container, or on a system other than Linux.
    """
    try:
        inode = os.stat(f"{database}-shm").st_ino
        locks = _KERNEL_LOCKS.read_text()
    except OSError:
        return None
    for line in locks.splitlines():
        found = _EXCLUSIVE.search(line)
        if found is None:
            continue
        pid, locked, first, last = (int(number) for number in found.groups())
        # An inode number is unique on its file system only; no other file has a lock on just this byte.
        if pid and locked == inode and first == last == _WRITE_LOCK_BYTE:
            return pid
    return None
