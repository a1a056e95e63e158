"""How often the watchdog takes its expensive reading, of the proportional size of shared pages."""

import time

import pytest

from sandbox.execution import Status
from sandbox.session.meter import Usage
from sandbox.session.watchdog import EXACT_READING_GAP, Watchdog
from sandbox.settings import SandboxSettings

READING_S = 0.01
LIMIT_BYTES = SandboxSettings().memory_bytes


class Meter:
    """A meter whose session exceeds its memory if shared pages count once for each process. Its readings are slow."""

    def __init__(self, proportional_bytes: int) -> None:
        self.readings = 0
        self._proportional_bytes = proportional_bytes

    def proportional_memory_bytes(self) -> int:
        self.readings += 1
        time.sleep(READING_S)
        return self._proportional_bytes


def watchdog(meter: Meter) -> Watchdog:
    def fail(status: Status, error: str) -> None:
        pytest.fail(f"{status}: {error}")

    watchdog = Watchdog(meter, SandboxSettings(), fail)  # type: ignore[arg-type]
    watchdog._usage = Usage(memory_bytes=2 * LIMIT_BYTES)
    return watchdog


def test_many_processes_with_shared_pages_take_little_of_the_event_loops_time() -> None:
    meter = Meter(proportional_bytes=1)
    watched = watchdog(meter)
    began = time.monotonic()
    while time.monotonic() - began < EXACT_READING_GAP * READING_S:
        assert not watched._exceeds_memory()
    assert 1 <= meter.readings <= 2


def test_a_proportional_size_above_the_limit_exceeds_it() -> None:
    assert watchdog(Meter(2 * LIMIT_BYTES))._exceeds_memory()
