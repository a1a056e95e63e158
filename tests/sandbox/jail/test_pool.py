"""When a jail is renewed, and that no session waits for it."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from sandbox.jail import pool
from sandbox.jail.failure import JailFailure
from sandbox.jail.jail import Jail
from sandbox.settings import SandboxSettings

WAIT_S = 60.0


def jail_of(sandbox: Sandbox) -> Jail:
    assert sandbox._pool is not None
    assert sandbox._pool.current is not None
    return sandbox._pool.current


async def one_session(sandbox: Sandbox, source: str = "1") -> Status:
    async with sandbox.session() as session:
        return (await session.run(source)).status


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(int(WAIT_S / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(condition)


async def until_renewed(sandbox: Sandbox, before: Jail) -> None:
    """Open sessions until another jail takes them."""
    deadline = time.monotonic() + WAIT_S
    while jail_of(sandbox) is before and time.monotonic() < deadline:
        assert await one_session(sandbox) is Status.OK
        await asyncio.sleep(0.02)
    assert jail_of(sandbox) is not before


async def test_a_jail_that_has_served_its_sessions_is_renewed_and_open_ones_go_on(settings: SandboxSettings) -> None:
    async with Sandbox(settings.model_copy(update={"sessions_per_jail": 2})) as sandbox:
        first = jail_of(sandbox)
        async with sandbox.session() as long:
            await long.run("x = 1")
            await until_renewed(sandbox, first)
            assert (await long.run("x")).value == "1"
        assert sandbox.stats.renewals["sessions"] >= 1
        await until(lambda: not first.alive)


async def test_a_renewal_blocks_no_session(settings: SandboxSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    never = asyncio.Event()

    async def hang(_: Jail) -> None:
        await never.wait()

    async with Sandbox(settings.model_copy(update={"sessions_per_jail": 1})) as sandbox:
        monkeypatch.setattr(Jail, "start", hang)
        for _ in range(3):
            assert await one_session(sandbox) is Status.OK
        assert sandbox.stats.renewals["sessions"] == 1


async def test_a_successor_that_does_not_start_leaves_the_old_jail_in_service(
    settings: SandboxSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Jail) -> None:
        raise JailFailure("no memory")

    async with Sandbox(settings.model_copy(update={"sessions_per_jail": 1})) as sandbox:
        monkeypatch.setattr(Jail, "start", fail)
        for _ in range(3):
            assert await one_session(sandbox) is Status.OK
            await asyncio.sleep(0)


async def test_a_forged_report_has_the_jail_renewed(settings: SandboxSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "TAMPERING_AGE_S", 0.0)
    async with Sandbox(settings) as sandbox:
        first = jail_of(sandbox)
        assert await one_session(sandbox, "import os\nos.write(3, b'\\xff' * 100)") is Status.KILLED
        assert "channel" in first.tampering
        await until_renewed(sandbox, first)
        assert sandbox.stats.renewals["tampering"] == 1


async def test_repeated_forged_reports_renew_no_second_jail(settings: SandboxSettings) -> None:
    async with Sandbox(settings) as sandbox:
        for _ in range(3):
            await one_session(sandbox, "import os\nos.write(3, b'\\xff' * 100)")
        assert sandbox.stats.renewals["tampering"] <= 1


async def test_a_process_of_no_session_has_the_jail_renewed(
    settings: SandboxSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "TAMPERING_AGE_S", 0.0)
    async with Sandbox(settings) as sandbox, sandbox.session() as session:
        await session.run("1")
        first = jail_of(sandbox)
        first.inspect()
        assert first.tampering == ""
        monkeypatch.setattr(Jail, "sessions_open", 0)  # as if that process belonged to no session
        first.inspect()
        assert "1 processes of no session" in first.tampering
        await until_renewed(sandbox, first)


async def test_a_warm_parent_that_has_grown_is_renewed(
    settings: SandboxSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "INSPECT_EVERY", 2)
    async with Sandbox(settings) as sandbox:
        first = jail_of(sandbox)
        assert abs(first.growth_bytes) < settings.jail_growth_bytes
        first._inherited_bytes -= 2 * settings.jail_growth_bytes
        await until_renewed(sandbox, first)
        assert sandbox.stats.renewals["memory"] == 1


async def test_a_dead_jail_is_replaced_and_counted(sandbox: Sandbox) -> None:
    dead = jail_of(sandbox)
    os.kill(dead.pid, signal.SIGKILL)
    await until_renewed(sandbox, dead)  # it may still serve a session until the kernel has ended it
    assert sandbox.stats.renewals == {"death": 1}


async def test_a_sandbox_failure_is_retried_in_another_jail_and_counted(sandbox: Sandbox) -> None:
    first = jail_of(sandbox)
    async with sandbox.session() as session:
        running = asyncio.create_task(session.run("import time\ntime.sleep(1)\n1"))
        await asyncio.sleep(0.3)
        os.kill(first.pid, signal.SIGKILL)
        assert (await running).value == "1"
    assert jail_of(sandbox) is not first
    assert (sandbox.stats.failures, sandbox.stats.retries) == (1, 1)


async def test_a_jail_that_fails_a_session_takes_no_more_sessions(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = jail_of(sandbox)
    open_session = Jail.open_session

    async def refuse(jail: Jail, *arguments: object) -> int:
        if jail is first:
            raise JailFailure("refused")
        return await open_session(jail, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Jail, "open_session", refuse)
    assert await one_session(sandbox) is Status.OK
    assert jail_of(sandbox) is not first
    assert sandbox.stats.renewals["failure"] == 1


async def test_closing_while_a_jail_starts_leaves_nothing(settings: SandboxSettings) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    sandbox = Sandbox(settings.model_copy(update={"sessions_per_jail": 1}))
    await sandbox.start()
    assert await one_session(sandbox) is Status.OK
    assert await one_session(sandbox) is Status.OK  # begins the renewal
    await asyncio.sleep(0)
    jail = Path(f"/proc/{jail_of(sandbox).pid}")
    await sandbox.close()
    await until(lambda: not jail.exists())
    assert len(os.listdir("/proc/self/fd")) == descriptors


async def test_many_renewals_under_load_lose_no_session_and_leave_no_jail(settings: SandboxSettings) -> None:
    async with Sandbox(settings.model_copy(update={"sessions_per_jail": 5})) as sandbox:

        async def several() -> None:
            for _ in range(12):
                async with sandbox.session() as session:
                    await session.run("x = 20")
                    assert (await session.run("x + 1")).value == "21"

        await asyncio.gather(*(several() for _ in range(6)))
        assert (sandbox.stats.failures, sandbox.stats.retries) == (0, 0)
        assert sandbox.stats.renewals.keys() == {"sessions"}
        assert sandbox._pool is not None
        await until(lambda: sandbox._pool is not None and not sandbox._pool._retiring)
