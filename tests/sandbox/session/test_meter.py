"""What the meter reads of a process: all that it holds beyond what it inherited, exactly where it is much."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox.jail.procfs import anonymous_bytes, resident_bytes
from sandbox.session.meter import Meter

MIB = 1 << 20
HOLD = "import sys; held = b'x' * int(sys.argv[1]); print(flush=True); sys.stdin.read()"


@contextmanager
def process(held_bytes: int) -> Iterator[int]:
    command = [sys.executable, "-c", HOLD, str(held_bytes)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        yield running.pid
        running.communicate()


def test_memory_that_is_much_is_exact() -> None:
    with process(64 * MIB) as pid:
        held_bytes = Meter(pid, pid, inherited_bytes=MIB).read().memory_bytes
        assert held_bytes == anonymous_bytes(pid) - MIB
        assert held_bytes > 63 * MIB


@pytest.mark.parametrize("held_mib", [1, 20])
def test_memory_is_never_below_what_the_process_holds(held_mib: int) -> None:
    with process(held_mib * MIB) as pid:
        inherited_bytes = anonymous_bytes(pid) - held_mib * MIB
        assert held_mib * MIB <= Meter(pid, pid, inherited_bytes).read().memory_bytes <= resident_bytes(pid)


def test_a_process_that_has_ended_holds_nothing() -> None:
    with process(MIB) as pid:
        pass
    assert Meter(pid, pid, inherited_bytes=0).read().memory_bytes == 0
