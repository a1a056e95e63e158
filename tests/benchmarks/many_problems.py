"""The time in which an iteration is scheduled in a store of very many problems, by rule and database.

    python tests/benchmarks/many_problems.py [--engine sqlite|postgresql|both] [--problems 1000000] [--folder DIR]
                                             [--plans]

A tenth of the problems was attempted before. Problems have the length of GSM8K's, and come from 20 sources of 5 levels
each. An iteration attempts 20,000 problems with 8 samples each. Exits with code 1 if a schedule takes longer than
TARGET_S.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/store")]

from postgresql_server import PostgresqlServer, find_binaries  # noqa: E402
from sqlalchemy import Engine, event, text  # noqa: E402

from store.database.connection import transaction  # noqa: E402
from store.database.tables import ProblemRow, table  # noqa: E402
from store.records import Policy, Problem, Sampling, Split  # noqa: E402
from store.runs.scheduling.rules import RULES  # noqa: E402
from store.runs.scheduling.worth import find_best  # noqa: E402
from store.store import Store  # noqa: E402

TARGET_S = 30.0  # an iteration of this size takes hours
SCHEDULED, SAMPLES = 20_000, 8
QUESTION = "Weng earns 12 dollars an hour for babysitting. Yesterday, she just did 50 minutes of babysitting. " * 3
NEW = {
    "id": "'q' || g",
    "split_key": "'q' || g",
    "source": "'source ' || (g % 20)",
    "level": "'' || (g % 5)",
    "shuffle_key": "(g * 7919) % 2147483647",
    "attempts": "CASE WHEN g % 10 = 0 THEN 16 ELSE 0 END",
    "judged": "CASE WHEN g % 10 = 0 THEN 16 ELSE 0 END",
    "accepted": "CASE WHEN g % 10 = 0 THEN g / 10 % 17 ELSE 0 END",
    "solutions": "CASE WHEN g % 10 = 0 THEN (g / 10 % 17 + 1) / 2 ELSE 0 END",
    "judged_tokens": "CASE WHEN g % 10 = 0 THEN 16 * (200 + g % 900) ELSE 0 END",
    "last_iteration": "CASE WHEN g % 10 = 0 THEN 1 + g % 3 ELSE NULL END",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--problems", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where to create the stores; they are deleted afterwards")
    parser.add_argument("--plans", action="store_true", help="print the query plan of the rule by difficulty")
    options = parser.parse_args()
    engines = ["sqlite", "postgresql"] if options.engine == "both" else [options.engine]
    slowest = 0.0
    print("| database | " + " | ".join(f"`{rule}`, s" for rule in RULES) + " |\n|---|" + "---|" * len(RULES))
    with tempfile.TemporaryDirectory(prefix="schedule-", dir=options.folder) as folder:
        Path(folder).chmod(0o755)
        for engine in engines:
            with open_store(engine, Path(folder)) as store:
                fill(store, options.problems)
                seconds = [schedule(store, number, rule) for number, rule in enumerate(RULES, 4)]
                print(f"| {engine} | " + " | ".join(f"{one:.1f}" for one in seconds) + " |", flush=True)
                slowest = max(slowest, *seconds)
                if options.plans:
                    print_plan(store)
    return int(slowest > TARGET_S)


def schedule(store: Store, number: int, rule: str) -> float:
    """The seconds in which a new iteration is scheduled by a rule."""
    store.iterations.open(number, policy_version=1)
    started = time.perf_counter()
    assert store.iterations.schedule(number, SCHEDULED, SAMPLES, Sampling(), rule, seed=number) == SCHEDULED * SAMPLES
    return time.perf_counter() - started


def fill(store: Store, problems: int) -> None:
    """Add this many problems: one as an import would, the others as copies of it, inside the database."""
    store.problems.add([Problem("q0", QUESTION, "10", "source 0", Split.TRAIN, "q0", level="0")])
    store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
    for number in (1, 2, 3):
        store.iterations.open(number, policy_version=1)
    engine: Engine = store._database.engine
    postgresql = engine.dialect.name == "postgresql"
    numbers = (
        "SELECT generate_series(CAST(1 AS bigint), CAST(:last AS bigint)) AS g"
        if postgresql
        else "WITH RECURSIVE n(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM n WHERE g < :last) SELECT g FROM n"
    )
    names = [column.name for column in table(ProblemRow).columns]
    values = ", ".join(NEW.get(name, f"t.{name}") for name in names)
    copy = f"INSERT INTO problems ({', '.join(names)}) SELECT {values} FROM ({numbers}) AS n CROSS JOIN problems AS t"
    with transaction(engine, write=True) as session:
        session.execute(text(copy), {"last": problems - 1})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def print_plan(store: Store) -> None:
    """Print the database's plan of the query of the rule by difficulty."""
    seen: list[tuple[str, object]] = []
    engine = store._database.engine

    def note(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    with transaction(engine, write=False) as session:
        find_best(session, 9, 0, SCHEDULED * SAMPLES)
    event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN ANALYZE" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    with engine.connect() as connection:
        for statement, parameters in seen:
            if "WITH" in statement:
                for row in connection.exec_driver_sql(f"{explain} {statement}", parameters):
                    print(f"    {row[-1]}"[:200])


@contextmanager
def open_store(engine: str, folder: Path) -> Iterator[Store]:
    """An empty store."""
    with ExitStack() as stack:
        if engine == "sqlite":
            url = f"sqlite:///{folder}/store.db"
        else:
            url = stack.enter_context(PostgresqlServer("-c max_wal_size=4GB -c shared_buffers=1GB", folder)).url
        yield stack.enter_context(Store.open(url))


if __name__ == "__main__":
    if find_binaries() is None and "sqlite" not in sys.argv:
        sys.exit("there is no PostgreSQL server here (initdb was not found): use --engine sqlite")
    sys.exit(main())
