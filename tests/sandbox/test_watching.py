"""How often the watchdog takes its dear look, at the shares of shared pages."""

import time

import pytest

from sandbox.process import SHARES_GAP, SessionProcess
from sandbox.settings import SandboxSettings
from sandbox.watchdog import Usage

LOOK_S = 0.01


class Meter:
    """Says that a session holds what its settings allow, and takes its time."""

    def __init__(self, share_bytes: int) -> None:
        self.looks = 0
        self._share_bytes = share_bytes

    def memory_shares_bytes(self) -> int:
        self.looks += 1
        time.sleep(LOOK_S)
        return self._share_bytes


@pytest.fixture
def process() -> SessionProcess:
    """What watches a session whose processes hold more than is allowed, if shared pages count once for each."""
    process: SessionProcess = object.__new__(SessionProcess)
    process._settings = SandboxSettings()
    process._usage = Usage(memory_bytes=2 * process._settings.memory_bytes)
    process._next_shares_at = 0.0
    return process


def test_a_crowd_with_shared_pages_takes_little_of_the_loops_time(process: SessionProcess) -> None:
    meter = Meter(share_bytes=1)
    began = time.monotonic()
    while time.monotonic() - began < SHARES_GAP * LOOK_S:
        assert not process._holds_too_much(meter)  # type: ignore[arg-type]
    assert 1 <= meter.looks <= 2


def test_shares_beyond_the_limit_are_too_much(process: SessionProcess) -> None:
    assert process._holds_too_much(Meter(2 * process._settings.memory_bytes))  # type: ignore[arg-type]
