"""The store's speed: rollouts acknowledged per second, and leasing and selecting as the store grows.

    python tests/benchmarks/store.py [--engine sqlite|postgresql|both] [--writers 1,8,64] [--rows 10000,100000]
                                     [--folder DIR] [--plans]

Writers are processes. Each writes rollouts of about 300 tokens and two executions in batches, as a sampler does; a
batch is acknowledged when its transaction is on disk. The baseline is the same number of processes that append the same
batches as JSON lines, each to its own file, with fsync. PostgreSQL is a private server with default durability. --rows:
leasing 256 problems and selecting training sets in stores of that many rollouts.
Exits with code 1, and prints a line for each, if a target is missed.
"""

import argparse
import gc
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import batched
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent), str(ROOT / "tests/store")]

from big_store import fill  # noqa: E402
from made_rollouts import make_question, make_rollouts  # noqa: E402
from postgresql_server import PostgresqlServer, find_binaries  # noqa: E402
from sqlalchemy import event, text  # noqa: E402

from store.database.connection import connect  # noqa: E402
from store.database.urls import parse_url  # noqa: E402
from store.records import Assignment, Policy, Problem, Purpose, Rollout, Sampling, Split  # noqa: E402
from store.settings import SelectionSettings  # noqa: E402
from store.store import Store  # noqa: E402

TARGET_PER_S = 5_000  # with eight writers, on the faster engine
TARGET_LEASE_MS = 50.0
TARGET_SELECTION_S = 5.0
LEASED = 256
LEASE = f"lease {LEASED}, ms"
LEASES = 20
WRITTEN = 8_192  # into a large store
SELECTED = (1_000, 10_000, 100_000)
SAMPLES = 8
COPIES = 0.5  # a second row per engine, in which this share of rollouts repeat an earlier one under other names
SERVER = "-c max_wal_size=8GB -c shared_buffers=2GB -c max_connections=200"
type Opens = Callable[[int], Callable[[Sequence[Rollout]], Any]]
"""Makes, for the number of a writer, the function that writes its batches."""
FORK = multiprocessing.get_context("fork")  # writers share the parent's imports and data


@dataclass(frozen=True)
class Pace:
    """The result of some writers: rollouts per second of wall time, and the writers' processor time per rollout."""

    per_s: float
    writer_cpu_us: float


class Report:
    """Prints tables row by row, and collects missed targets."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def heading(self, title: str, *columns: str) -> None:
        print(f"\n{title}\n{'':24}" + "".join(f"{column:>16}" for column in columns), flush=True)

    def row(self, name: str, *cells: str) -> None:
        print(f"{name:24}" + "".join(f"{cell:>16}" for cell in cells), flush=True)

    def check(self, what: str, value: float, limit: float, *, at_least: bool = False) -> None:
        if value < limit if at_least else value > limit:
            self.missed.append(f"{what}: {value:,.3g}, target {'at least' if at_least else 'at most'} {limit:,.3g}")


def main() -> int:
    options = _options()
    report = Report()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="store-benchmark-", dir=options.folder)))
        folder.chmod(0o755)
        open_store = {engine: stack.enter_context(_opener(engine, folder)) for engine in options.engines}
        if options.writers:
            measure_writing(open_store, folder, options, report)
        for rows in options.rows:
            measure_reading(open_store, rows, options.plans, report)
    for line in report.missed:
        print(f"missed: {line}")
    return 1 if report.missed else 0


def measure_writing(open_store: dict[str, Any], folder: Path, options: argparse.Namespace, report: Report) -> None:
    """Rollouts acknowledged per second by engine and number of writers, compared with JSON lines with fsync."""
    report.heading(
        f"Rollouts acknowledged per second ({options.rollouts:,} of them, batches of at most {options.batch})",
        *(f"{writers} writers" for writers in options.writers),
        "CPU us each",
    )
    best: dict[int, float] = dict.fromkeys(options.writers, 0.0)
    for engine, opened in open_store.items():
        for copies in (0.0, COPIES):
            paces = []
            for writers in options.writers:
                with opened() as store:
                    work = _work(store, options.rollouts)
                    paces.append(_write(_into_store(store.url), work, writers, options.batch, copies=copies))
                if not copies:
                    best[writers] = max(best[writers], paces[-1].per_s)
            name = f"{engine}, {copies:.0%} copies" if copies else engine
            report.row(name, *(f"{pace.per_s:,.0f}" for pace in paces), f"{paces[0].writer_cpu_us:.0f}")
    work = [_assignment(number) for number in range(options.rollouts // SAMPLES)]
    lines = [_write(_into_file(folder), work, writers, options.batch) for writers in options.writers]
    report.row("JSON lines, fsync", *(f"{pace.per_s:,.0f}" for pace in lines), f"{lines[0].writer_cpu_us:.0f}")
    report.row("best / JSON lines", *(f"{best[w] / pace.per_s:.2f}" for w, pace in zip(best, lines, strict=True)))
    if 8 in best:
        report.check("rollouts per second with 8 writers", best[8], TARGET_PER_S, at_least=True)


def measure_reading(open_store: dict[str, Any], rows: int, plans: bool, report: Report) -> None:
    """Leasing, selecting and writing in a store of this many rollouts."""
    figures: dict[str, dict[str, float]] = {}
    for engine, opened in open_store.items():
        with opened() as store:
            figures[engine] = _read(store, rows)
            if plans:
                _print_plans(store)
    report.heading(f"A store of {rows:,} rollouts", *figures)
    for name in next(iter(figures.values())):
        report.row(name, *(f"{some[name]:,.4g}" for some in figures.values()))
    for engine, some in figures.items():
        where = f"with {rows:,} rollouts in {engine}"
        report.check(f"leasing {LEASED} {where}, ms", some[LEASE], TARGET_LEASE_MS)
        report.check(f"selecting {SELECTED[-1]:,} {where}, s", some[f"select {SELECTED[-1]:,}, s"], TARGET_SELECTION_S)


def _read(store: Store, rows: int) -> dict[str, float]:
    engine = connect(parse_url(store.url), create=False)
    filled_s = _timed(lambda: fill(store, engine, rows))
    figures = {"filled in, s": filled_s, "bytes per rollout": _bytes(engine) / rows}
    engine.dispose()
    _open_iterations(store, LEASES * LEASED + WRITTEN // SAMPLES)
    leases_ms = [1000 * _timed(lambda: _lease(store, f"owner {i}")) for i in range(LEASES)]  # noqa: B023
    figures |= {LEASE: statistics.median(leases_ms), "  slowest": max(leases_ms)}
    for limit in SELECTED:
        seconds, size = _select(store, limit)
        figures[f"select {limit:,}, s"] = seconds
        figures[f"  selected of {limit:,}"] = size
    work = store.assignments.lease("writers", WRITTEN, 3600).assignments
    figures["8 writers, rollouts/s"] = _write(_into_store(store.url), work, 8, 256).per_s
    return figures


# Writing


def _write(write: Opens, work: list[Assignment], writers: int, batch_size: int, *, copies: float = 0.0) -> Pace:
    """Start all writers at the same moment, after each has generated its rollouts, as a sampler has. Rollouts of the
    parent would be copied page by page when a writer only reads them.
    """
    gc.collect()
    gc.freeze()  # or each writer's collector would traverse, and so copy, the parent's objects
    barrier = FORK.Barrier(writers + 1)
    cpu_s = FORK.Queue()
    share = -(-len(work) // writers)
    processes = [
        FORK.Process(
            target=_writer, args=(write, i, work[i * share : (i + 1) * share], batch_size, copies, barrier, cpu_s)
        )
        for i in range(writers)
    ]
    for process in processes:
        process.start()
    barrier.wait(timeout=120)
    seconds = _timed(lambda: barrier.wait(timeout=1200))
    spent_s = sum(cpu_s.get(timeout=60) for _ in processes)
    for process in processes:
        process.join(timeout=60)
    gc.unfreeze()
    rollouts = sum(len(assignment.pending) for assignment in work)
    return Pace(rollouts / seconds, spent_s / rollouts * 1e6)


def _writer(
    write: Opens,
    number: int,
    work: list[Assignment],
    batch_size: int,
    copies: float,
    barrier: Barrier,
    cpu_s: Any,
) -> None:
    rollouts = list(make_rollouts(work, version=1, seed=number, copies=copies))
    gc.collect()
    gc.freeze()
    call = write(number)
    barrier.wait(timeout=120)
    start_s = time.process_time()
    for batch in batched(rollouts, batch_size):
        call(batch)
    cpu_s.put(time.process_time() - start_s)
    barrier.wait(timeout=1200)


def _into_store(url: str) -> Opens:
    return lambda _number: Store.open(url, create=False).rollouts.add


def _into_file(folder: Path) -> Opens:
    def open_file(number: int) -> Callable[[Sequence[Rollout]], Any]:
        file = (folder / f"{number}.jsonl").open("a")

        def append(batch: Sequence[Rollout]) -> None:
            file.writelines(json.dumps(asdict(rollout)) + "\n" for rollout in batch)
            file.flush()
            os.fsync(file.fileno())

        return append

    return open_file


def _work(store: Store, rollouts: int) -> list[Assignment]:
    """Leased assignments for this many rollouts, each for a different problem."""
    problems = rollouts // SAMPLES
    store.problems.add(Problem(f"p{i}", make_question(i), "1", "made", Split.TRAIN, f"{i}") for i in range(problems))
    store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
    store.iterations.open(1, policy_version=1)
    store.iterations.schedule(1, problems, SAMPLES, Sampling())
    return store.assignments.lease("writers", rollouts, 3600).assignments


def _assignment(number: int) -> Assignment:
    problem = Problem(f"p{number}", make_question(number), "1", "made", Split.TRAIN, f"{number}")
    return Assignment(number, problem, Purpose.TRAIN, Sampling(), tuple(range(SAMPLES)))


# Reading


def _open_iterations(store: Store, assignments: int) -> None:
    """Open and schedule iterations until they have this many assignments."""
    number = 1 + max(iteration.number for iteration in store.iterations.all())
    while assignments > 0:
        store.iterations.open(number, policy_version=1)
        assignments -= store.iterations.schedule(number, assignments, SAMPLES, Sampling()) // SAMPLES
        number += 1


def _lease(store: Store, owner: str) -> None:
    assert len(store.assignments.lease(owner, LEASED * SAMPLES, 60).assignments) == LEASED


def _select(store: Store, samples: int) -> tuple[float, int]:
    """(seconds, number of samples selected)"""
    settings = SelectionSettings(max_samples=samples, max_per_problem=8)
    start_s = time.perf_counter()
    training_set = store.training_sets.select(store.policies.next_version(), settings)
    return time.perf_counter() - start_s, store.training_sets.size(training_set)


def _print_plans(store: Store) -> None:
    """Print the database's plan of each query of leasing and selecting."""
    engine = store._database.engine
    seen: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH", "SET LOCAL")) and not many:
            seen.setdefault(statement, parameters)

    event.listen(engine, "before_cursor_execute", note)
    store.assignments.lease("planner", LEASED * SAMPLES, 60)
    _select(store, SELECTED[0])
    event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    with engine.connect() as connection:
        for statement, parameters in seen.items():
            if statement.startswith("SET LOCAL"):  # planner settings for the following queries
                connection.exec_driver_sql(statement)
                continue
            print(f"\n  {' '.join(statement.split())[:300]}")
            for row in connection.exec_driver_sql(f"{explain} {statement}", parameters):
                print(f"    {row[-1]}"[:200])


def _bytes(engine: Any) -> int:
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            return int(connection.scalar(text("SELECT pg_database_size(current_database())")))
        pages = connection.scalar(text("PRAGMA page_count"))
        return int(pages * connection.scalar(text("PRAGMA page_size")))


@contextmanager
def _opener(engine: str, folder: Path) -> Iterator[Callable[[], Any]]:
    """Make a function that opens an empty store of this kind and deletes it when it is closed."""
    if engine == "sqlite":
        yield lambda: _sqlite(folder)
        return
    with PostgresqlServer(SERVER, folder) as server:
        yield lambda: _postgresql(server.url)


@contextmanager
def _sqlite(folder: Path) -> Iterator[Store]:
    with tempfile.TemporaryDirectory(dir=folder) as own, Store.open(f"sqlite:///{own}/store.db") as store:
        yield store


@contextmanager
def _postgresql(url: str) -> Iterator[Store]:
    engine = connect(parse_url(url), create=False)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE store"))
    with Store.open(parse_url(url).set(database="store").render_as_string(hide_password=False)) as store:
        yield store
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE store WITH (FORCE)"))
    engine.dispose()


def _timed(call: Callable[[], Any]) -> float:
    start_s = time.perf_counter()
    call()
    return time.perf_counter() - start_s


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda value: [int(part) for part in value.split(",") if part]  # noqa: E731
    parser.add_argument("--engine", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--writers", type=numbers, default=[1, 8, 64])
    parser.add_argument("--rollouts", type=int, default=16_384, help="written for each figure")
    parser.add_argument("--batch", type=int, default=256, help="rollouts per transaction; a sampler's limit is 256")
    parser.add_argument("--rows", type=numbers, default=[10_000, 100_000], help="sizes of the stores to read from")
    parser.add_argument("--folder", type=Path, help="where to create the stores; they are deleted afterwards")
    parser.add_argument("--plans", action="store_true", help="print the query plans of leasing and selecting")
    options = parser.parse_args()
    options.engines = ["sqlite", "postgresql"] if options.engine == "both" else [options.engine]
    if "postgresql" in options.engines and find_binaries() is None:
        parser.error("there is no PostgreSQL server here (initdb was not found): use --engine sqlite")
    return options


if __name__ == "__main__":
    sys.exit(main())
