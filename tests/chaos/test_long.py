"""Faults that seeds choose, on both databases, with samplers ahead of the learner. `run.py` has the long form."""

import contextlib
import dataclasses
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ..store.postgresql_server import PostgresqlServer, find_binaries
from .chaos import run_under_faults
from .faults import possible_kinds
from .run_settings import LIMITS, RunSettings
from .schedule import plan

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ITERATIONS, FAULTS = 4, 14
SETTINGS = {
    "sqlite": RunSettings(seed=11, overrides=LIMITS),
    "postgresql": RunSettings(seed=12, samplers=4, lead=2, overrides=LIMITS),
}


@pytest.mark.parametrize("database", SETTINGS)
def test_a_run_under_random_faults_loses_and_leaves_nothing(database: str) -> None:
    if database == "postgresql" and find_binaries() is None:
        pytest.skip("no PostgreSQL server is installed (initdb is neither under /usr/lib/postgresql nor on the PATH)")
    settings = SETTINGS[database]
    with TemporaryDirectory(prefix="chaos-") as folder, contextlib.ExitStack() as stack:
        server = stack.enter_context(PostgresqlServer()) if database == "postgresql" else None
        if server is not None:
            settings = dataclasses.replace(settings, store_url=server.create_database("chaos"))
        planned = plan(settings.seed, FAULTS, ITERATIONS, possible_kinds(has_server=server is not None))
        outcome = run_under_faults(settings, planned, ITERATIONS, server, Path(folder))
    assert outcome.failures == []
