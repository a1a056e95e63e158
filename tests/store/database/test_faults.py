"""Faults: writers are killed, the server goes away, the disk is full, or a page is damaged."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from store.database.connection import connect, transaction
from store.database.database import Database
from store.database.tables import ProblemRow, RolloutRow
from store.database.urls import parse_url
from store.errors import StoreAwayError, StoreDamagedError
from store.records import Policy, Problem, Sampling, Split
from store.rollouts.pools import rebuild
from store.store import Store

from ..postgresql_server import PostgresqlServer, find_binaries
from .faults_writer import attempt, write_all

ROOT = Path(__file__).parents[3]
WRITER = Path(__file__).with_name("faults_writer.py")
SAMPLES = 8
PROBLEMS = 20
UNSHARE = "unshare", "--user", "--map-root-user", "--mount"


def add_work(store: Store, iterations: int) -> None:
    """Schedule iterations of 160 rollouts each."""
    store.problems.add(
        Problem(f"p{i}", f"What is {i} + 0?", f"{i}", "test", Split.TRAIN, f"key {i}") for i in range(PROBLEMS)
    )
    store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
    for number in range(1, iterations + 1):
        store.iterations.open(number, policy_version=1)
        store.iterations.schedule(number, PROBLEMS, SAMPLES, Sampling())


def run_writer(url: str, *arguments: object) -> list[str]:
    """Run the writer and return its output, line by line."""
    return run(sys.executable, str(WRITER), url, *map(str, arguments))


def run(*command: str) -> list[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=540, check=True)
    return done.stdout.splitlines()


def check_everything_is_there_once(store: Store, acknowledged: list[str]) -> None:
    written = [rollout.id for rollout in store.rollouts.iterate()]
    assert set(acknowledged) <= set(written)
    assert len(written) == len(set(written)) == sum(iteration.done for iteration in store.iterations.all())
    assert counted(store) == counted(store, again=True)


def counted(store: Store, *, again: bool = False) -> list[tuple]:
    """The counters of the problems and the places of the rollouts, as stored or, with `again`, after a rebuild."""
    engine = connect(parse_url(store.url), create=False)
    counters = ProblemRow.judged, ProblemRow.accepted, ProblemRow.solutions, ProblemRow.mistakes, ProblemRow.duplicates
    with transaction(engine, write=True) as session:
        if again:
            rebuild(session, session.scalars(select(ProblemRow.id)).all())
        problems = session.execute(select(ProblemRow.id, *counters).order_by(ProblemRow.id)).all()
        pools = select(RolloutRow.problem_id, RolloutRow.pool, RolloutRow.place).where(RolloutRow.place.is_not(None))
        places = session.execute(pools.order_by(RolloutRow.problem_id, RolloutRow.pool, RolloutRow.place)).all()
    engine.dispose()
    return [*map(tuple, problems), *map(tuple, places)]


@pytest.mark.parametrize("kills", [5, pytest.param(200, marks=pytest.mark.slow)])
def test_writers_killed_at_random_lose_nothing_double_nothing_and_others_finish_their_work(store, clock, kills):
    add_work(store, iterations=max(5, kills // 8))
    acknowledged = run_writer(store.url, kills, 1)
    assert len(acknowledged) >= kills
    clock.now_s = time.time() + 3600  # the leases of the killed writers have expired
    check_everything_is_there_once(store, acknowledged)
    write_all(store, "the last one")
    check_everything_is_there_once(store, acknowledged)
    assert all(iteration.done == iteration.scheduled for iteration in store.iterations.all())


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    """A server that tests may stop."""
    if find_binaries() is None:
        pytest.skip("no PostgreSQL server is installed (initdb is neither under /usr/lib/postgresql nor on the PATH)")
    with PostgresqlServer() as server:
        yield server


@pytest.mark.parametrize("away_s", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_writers_wait_for_a_server_that_stops_under_load_and_go_on_by_themselves(server, away_s, caplog):
    with Store.open(server.create_database(f"away_{away_s}"), retry_s=300) as store:
        add_work(store, iterations=4)
        with ThreadPoolExecutor() as threads:
            writers = [threads.submit(write_all, store, f"writer {i}") for i in range(2)]
            while store.run.statistics().train.total < 20:
                time.sleep(0.02)
            server.stop()
            time.sleep(away_s)
            server.start()
        for writer in writers:
            writer.result()  # raises the error that ended it
        assert "retrying in" in caplog.text
        write_all(store, "the last one")
        time.sleep(1)
        write_all(store, "the last one")  # a lease whose acknowledgement was lost has run out by now
        check_everything_is_there_once(store, [])
        assert all(iteration.done == iteration.scheduled for iteration in store.iterations.all())


def test_a_server_that_stays_away_is_waited_for_as_long_as_asked_and_then_named(server):
    with Store.open(server.create_database("stays_away"), retry_s=0.5) as store:
        add_work(store, iterations=1)
        (assignment,) = store.assignments.lease("me", 1, 60).assignments
        server.stop()
        try:
            with pytest.raises(StoreAwayError, match=r"stays_away.*the database cannot be used: .*Is the server up"):
                store.rollouts.add([attempt(assignment, 0)])
        finally:
            server.start()
        assert store.rollouts.add([attempt(assignment, 0)]) == 1


def test_methods_of_the_store_itself_retry_as_those_of_its_parts_do(store, monkeypatch):
    read, failures = Database.read, [StoreAwayError("the server restarts")]

    def fail_once(database):
        if failures:
            raise failures.pop()
        return read(database)

    monkeypatch.setattr(Database, "read", fail_once)
    assert store.is_empty()
    assert not failures


def test_opening_a_store_can_wait_for_its_server(server):
    url = server.create_database("opened_late")
    server.stop()
    try:
        with pytest.raises(StoreAwayError):
            Store.open(url)
        later = threading.Timer(1.0, server.start)
        later.start()
        with Store.open(url, wait=True, retry_s=60) as store:
            assert store.is_empty()
    finally:
        later.join()


def has_namespaces() -> bool:
    mount = *UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"
    return shutil.which("unshare") is not None and subprocess.run(mount, capture_output=True).returncode == 0


@pytest.mark.skipif(not has_namespaces(), reason="no small disk can be mounted here (unshare and mount of a tmpfs)")
def test_a_full_disk_is_named_and_what_was_acknowledged_before_is_there(tmp_path, clock):
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        add_work(store, iterations=20)
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    kept.mkdir()
    # The small disk disappears with the last process in its namespace, so the same process copies its files.
    prepare = f"mount -t tmpfs -o size=3m none {disk} && cp {tmp_path}/store.db {disk}"
    script = f'{prepare} && "$@" && cp {disk}/store.db* {kept}'
    writer = sys.executable, str(WRITER), f"sqlite:///{disk}/store.db"
    *acknowledged, error = run(*UNSHARE, "sh", "-c", script, "-", *writer)
    assert error.startswith("StoreUnreachableError: sqlite://")
    assert error.endswith("database or disk is full. Free some space on its disk.")
    assert acknowledged
    with Store.open(f"sqlite:///{kept}/store.db", clock=clock) as store:
        check_everything_is_there_once(store, acknowledged)
        clock.now_s = time.time() + 3600
        write_all(store, "after there was space again")
        check_everything_is_there_once(store, acknowledged)


def test_a_damaged_page_of_the_file_is_an_error_that_says_so_and_nothing_false_is_read(tmp_path):
    url = f"sqlite:///{tmp_path}/store.db"
    with Store.open(url) as store:
        add_work(store, iterations=2)
        write_all(store, "writer")
        whole = {rollout.id: rollout for rollout in store.rollouts.iterate()}
    damage(tmp_path / "store.db")
    with Store.open(url) as store:
        read = []
        with pytest.raises(StoreDamagedError, match=r"store\.db: .*malformed.*Restore the file from a copy"):
            read.extend(store.rollouts.iterate())
        assert all(rollout == whole[rollout.id] for rollout in read)


def damage(path: Path) -> None:
    """Overwrite one of the pages with rollouts by random bytes."""
    engine = connect(parse_url(f"sqlite:///{path}"), create=False)
    with engine.connect() as connection:
        page_bytes = connection.scalar(text("PRAGMA page_size"))
        root = connection.scalar(text("SELECT rootpage FROM sqlite_master WHERE name = 'rollouts'"))
    engine.dispose()
    with path.open("r+b") as file:
        file.seek((root - 1) * page_bytes)
        interior = file.read(page_bytes)
        cells = int.from_bytes(interior[3:5], "big")
        middle = int.from_bytes(interior[12 + 2 * (cells // 2) :][:2], "big")
        child = int.from_bytes(interior[middle : middle + 4], "big")
        file.seek((child - 1) * page_bytes)
        file.write(os.urandom(page_bytes))


@pytest.mark.parametrize("column", ["segments", "token_ids"])
def test_a_rollout_whose_bytes_were_changed_is_named(store, column):
    add_work(store, iterations=1)
    write_all(store, "writer")
    engine = connect(parse_url(store.url), create=False)
    rollout = RolloutRow.id == "2-3"
    with transaction(engine, write=True) as session:
        (whole,) = session.scalars(select(getattr(RolloutRow, column)).where(rollout))
        session.execute(update(RolloutRow).where(rollout).values({column: whole[:-3] + bytes(3)}))
    engine.dispose()
    with pytest.raises(StoreDamagedError, match="rollout 2-3: its stored bytes are corrupted"):
        list(store.rollouts.iterate())
