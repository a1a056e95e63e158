"""One whole run under faults: started, struck, checked, and compared with an undisturbed one."""

import contextlib
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

from store.store import Store
from tests.chaos.checks.invariants import check_store
from tests.chaos.checks.machine import Machine
from tests.chaos.recovery import Recovery, strike_run
from tests.chaos.report import Outcome
from tests.chaos.run_driver import ChaosRun
from tests.chaos.run_settings import RunSettings
from tests.chaos.schedule import Planned
from tests.store.postgresql_server import PostgresqlServer


def run_under_faults(
    settings: RunSettings,
    planned: Sequence[Planned],
    iterations: int,
    server: PostgresqlServer | None = None,
    folder: Path | None = None,
) -> Outcome:
    """Run `iterations` iterations under the planned faults, and check what must hold afterwards."""
    folder = folder or Path(mkdtemp(prefix="chaos-"))  # short: it becomes part of the paths of sockets
    before, started = Machine.now(), time.monotonic()
    run = ChaosRun(folder, settings, iterations, mark=uuid.uuid4().hex)
    with contextlib.ExitStack() as stack:
        stack.enter_context(run.running())
        recoveries: list[Recovery] = strike_run(run, planned, server, settings.seed)
        violations = before.violations(run.processes, run.temporary, run.folder)
    violations += check_store(run.store_url, run.folder, run.journal, iterations=iterations, lead=settings.lead)
    seconds = time.monotonic() - started
    return Outcome(len(planned), recoveries, violations, run.unplanned, heldout_points(run.store_url), seconds=seconds)


def heldout_points(url: str) -> float | None:
    """The held-out pass@1 of the best policy, in points; None if none was measured."""
    with Store.open(url, create=False) as store:
        figures = [one for one in store.evaluations.figures() if (one.benchmark, one.metric) == ("heldout", "pass@1")]
    return max((100 * one.figure.value for one in figures), default=None)
