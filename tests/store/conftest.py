"""Fixtures: a store on each database, a clock that tests advance, and a PostgreSQL server of our own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from store.records import (
    Assignment,
    ExecutionRecord,
    Outcome,
    Policy,
    PolicySpan,
    Problem,
    Purpose,
    Rollout,
    Segment,
    SegmentKind,
    Split,
    rollout_id,
)
from store.store import Store

from .postgresql_server import PostgresqlServer, find_binaries


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server started for this session, without fsync: its data need not survive a crash."""
    if find_binaries() is None:
        pytest.skip("no PostgreSQL server is installed (initdb is neither under /usr/lib/postgresql nor on the PATH)")
    with PostgresqlServer("-c fsync=off -c max_connections=100") as server:
        yield server.url


@contextmanager
def _database(server: str, template: str = "template1") -> Iterator[str]:
    name = f"store_{os.urandom(6).hex()}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """The URL of an empty database for this test."""
    with _database(postgresql) as url:
        yield url


@pytest.fixture(scope="session")
def postgresql_template(postgresql: str) -> Iterator[str]:
    """A database with empty tables to copy, which is faster than migrating for each test."""
    with _database(postgresql) as url:
        Store.open(url).close()
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a SQLite file."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A URL at which there is no store yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    value: str = request.getfixturevalue("postgresql_url")
    return value


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """An empty store."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "store.db")
            url = f"sqlite:///{tmp_path}/store.db"
        else:
            server, template = map(request.getfixturevalue, ("postgresql", "postgresql_template"))
            url = stack.enter_context(_database(server, template))
        yield stack.enter_context(Store.open(url, clock=clock))


class Make:
    """Makes the records that tests fill a store with."""

    @staticmethod
    def problem(number: int, split: Split = Split.TRAIN) -> Problem:
        return Problem(f"p{number}", f"What is {number} + 0?", str(number), "test", split, f"key-{number}")

    @staticmethod
    def attempt(
        assignment: Assignment,
        sample: int,
        outcome: Outcome = Outcome.ACCEPTED,
        code: str | None = None,
        answer: str = "1",
        version: int = 1,
    ) -> Rollout:
        """The rollout of one sample; a different `code` makes a different solution."""
        return Make.rollout(
            rollout_id(assignment.id, sample),
            assignment.problem.id,
            assignment.purpose,
            outcome,
            code if code is not None else f"print({assignment.id} * 10 + {sample})",
            answer,
            assignment.id,
            version,
        )

    @staticmethod
    def rollout(
        name: str,
        problem_id: str,
        purpose: Purpose,
        outcome: Outcome,
        code: str,
        answer: str,
        assignment_id: int | None,
        version: int,
    ) -> Rollout:
        return Rollout(
            id=name,
            problem_id=problem_id,
            purpose=purpose,
            outcome=outcome,
            solution_format="tir",
            prompt_ids=(1, 2, 3),
            token_ids=(10, 20, 4_000_000_000, 40, 50),
            model_mask=(True, True, False, False, True),
            spans=(PolicySpan(version, 0, 5),),
            segments=(
                Segment(SegmentKind.CODE, code),
                Segment(SegmentKind.OUTPUT, "1\n"),
                Segment(SegmentKind.ANSWER, answer),
            ),
            executions=(ExecutionRecord("ok", code, "1\n", "", None, 0.25),),
            answer=answer,
            assignment_id=assignment_id,
            seconds=1.5,
        )

    @staticmethod
    def demonstration(name: str, problem_id: str, code: str) -> Rollout:
        return Make.rollout(
            f"demo-{name}", problem_id, Purpose.DEMONSTRATION, Outcome.ACCEPTED, code, "1", None, version=0
        )


@pytest.fixture
def make() -> type[Make]:
    return Make


@pytest.fixture
def filled(store: Store) -> Store:
    """Twenty training problems (p0 to p19), ten held out (p20 to p29), policy 1 published, iteration 1 open."""
    store.problems.add(Make.problem(i, Split.TRAIN if i < 20 else Split.HELDOUT) for i in range(30))
    store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
    store.iterations.open(1, policy_version=1)
    return store
