"""What the settings leave open is decided by the host that runs the sandbox."""

from pathlib import Path

import pytest

from sandbox import capacity, settings
from sandbox.policy import policy_limits
from sandbox.settings import GIB, AnswerCheckerSettings, SandboxSettings


@pytest.fixture(params=[4, 64])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(capacity.os, "cpu_count", lambda: request.param)
    return int(request.param)


def test_blocks_and_checks_follow_the_processors_of_the_host_that_runs_them(cores: int) -> None:
    assert SandboxSettings().blocks_at_once == 2 * cores
    assert AnswerCheckerSettings().checks_at_once == cores


def test_numbers_that_are_given_are_kept(cores: int) -> None:
    assert SandboxSettings(max_concurrent_blocks=3).with_processors(8).blocks_at_once == 3
    assert AnswerCheckerSettings(max_concurrent_checks=3).with_processors(8).checks_at_once == 3


def test_reserved_processors_take_the_place_of_the_hosts(cores: int) -> None:
    assert SandboxSettings().with_processors(2.5).blocks_at_once == 5
    assert AnswerCheckerSettings().with_processors(2.5).checks_at_once == 3
    assert SandboxSettings().with_processors(0).blocks_at_once == 2 * cores


def test_a_jail_gets_half_of_a_small_hosts_memory_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "memory_bytes", lambda: 6 * GIB)
    assert SandboxSettings().jail_limit_bytes == 3 * GIB
    assert SandboxSettings(jail_memory_bytes=GIB).jail_limit_bytes == GIB
    monkeypatch.setattr(settings, "memory_bytes", lambda: 64 * GIB)
    assert SandboxSettings().jail_limit_bytes == policy_limits().jail_memory_bytes


@pytest.mark.parametrize("name", ["memory.max", "memory/memory.limit_in_bytes"])
def test_the_limit_of_a_container_counts_as_its_memory(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    assert capacity.memory_bytes(tmp_path) > 0
    file.write_text("1048576\n")
    assert capacity.memory_bytes(tmp_path) == 1 << 20
    file.write_text("max\n")
    assert capacity.memory_bytes(tmp_path) > 1 << 20
