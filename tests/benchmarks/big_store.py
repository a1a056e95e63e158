"""Fills a store with any number of rollouts, inside the database: a million take seconds, not minutes.

A few hundred rollouts are written as a sampler would write them. The rest are copies of those, whose ids, problems,
outcomes, places and policy versions are computed from a running number g:

    assignment a = g / 8, sample k = g % 8; problem q = a % problems; iteration = a / problems + 1

The problem determines how many of the eight attempts of an iteration are right (from none to all), and half of those
are duplicates. Indexes are created after all rows are inserted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

from made_rollouts import make_question, make_rollouts
from sqlalchemy import Connection, Engine, Index, text

from store.database.connection import transaction
from store.database.tables import AssignmentRow, ExecutionRow, RolloutRow, table
from store.records import Policy, Problem, Sampling, Split
from store.store import Store

SAMPLES = 8
MOST_PROBLEMS = 20_000
ORIGINALS = 400
CHUNK = 200_000
RIGHT = "CASE ({q}) % 10 WHEN 0 THEN 0 WHEN 1 THEN 1 WHEN 2 THEN 2 WHEN 3 THEN 4 WHEN 4 THEN 6 WHEN 5 THEN 7 ELSE 8 END"


@dataclass(frozen=True)
class Numbering:
    """The first numbers of the copies, and the number of problems that they cycle through."""

    problems: int
    first_seq: int
    first_assignment: int


def fill(store: Store, engine: Engine, rollouts: int) -> None:
    """Fill an empty store with about this many rollouts, in as many iterations as needed, and analyze its tables."""
    problems = min(MOST_PROBLEMS, max(ORIGINALS // SAMPLES, rollouts // SAMPLES // 2))
    iterations = -(-rollouts // (problems * SAMPLES))
    store.problems.add(
        Problem(f"p{i:06d}", make_question(i), str(i), "made", Split.TRAIN, f"made:{i}") for i in range(problems)
    )
    store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
    for version in range(2, iterations + 3):
        store.policies.add(Policy(store.policies.next_version(), version - 1, f"policies/{version}"))
    for number in range(1, iterations + 2):
        store.iterations.open(number, policy_version=number)
    numbering = _write_originals(store, problems, iterations + 1)
    rows = max(0, rollouts - ORIGINALS)
    with _step(engine) as connection:
        for index in _indexes():
            index.drop(connection)
    _copy(engine, numbering, rows)
    for index in _indexes():
        with _step(engine) as connection:
            index.create(connection)
    with _step(engine) as connection:
        _count(connection, numbering, rows)
    if engine.dialect.name == "postgresql":
        _settle(engine)


def _write_originals(store: Store, problems: int, iteration: int) -> Numbering:
    store.iterations.schedule(iteration, ORIGINALS // SAMPLES, SAMPLES, Sampling())
    leased = store.assignments.lease("maker", ORIGINALS, 1e9).assignments
    store.rollouts.add(make_rollouts(leased, iteration, seed=0))
    return Numbering(problems, first_seq=ORIGINALS + 1, first_assignment=max(a.id for a in leased) + 1)


@contextmanager
def _step(engine: Engine) -> Iterator[Connection]:
    """A transaction without foreign key checks and, on PostgreSQL, without waiting for the disk."""
    with transaction(engine, write=True, migrate=True) as session:
        if engine.dialect.name == "postgresql":
            session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(text("SET LOCAL synchronous_commit = off"))
            session.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        yield session.connection()


def _copy(engine: Engine, numbering: Numbering, rows: int) -> None:
    assignments = -(-rows // SAMPLES)
    for start in range(0, assignments, CHUNK):
        with _step(engine) as connection:
            numbers = {"start": start, "end": min(start + CHUNK, assignments) - 1}
            connection.execute(text(_assignments(connection, numbering)), numbers)
    for start in range(0, rows, CHUNK):
        with _step(engine) as connection:
            numbers = {"start": start, "end": min(start + CHUNK, rows) - 1}
            connection.execute(text(_rollouts(connection, numbering)), numbers)
            connection.execute(text(_executions(connection, numbering)), numbers)


def _assignments(connection: Connection, n: Numbering) -> str:
    new = {
        "id": f"{n.first_assignment} + g",
        "problem_id": _problem_id(connection, f"g % {n.problems}"),
        "iteration": f"g / {n.problems} + 1",
    }
    return _copies(connection, AssignmentRow, new, "t.id = (SELECT min(id) FROM assignments)")


def _rollouts(connection: Connection, n: Numbering) -> str:
    assignment, sample = f"(g / {SAMPLES})", f"(g % {SAMPLES})"
    q, iteration = f"({assignment} % {n.problems})", f"({assignment} / {n.problems})"
    right = f"({RIGHT.format(q=q)})"
    distinct = f"(({right} + 1) / 2)"
    is_solution, is_right = f"{sample} < {distinct}", f"{sample} < {right}"
    content = f"CASE WHEN {is_right} THEN {sample} % {distinct} ELSE {sample} END"
    place = f"{iteration} * {distinct} + {sample} + 1"
    mistake = f"{iteration} * ({SAMPLES} - {right}) + {sample} - {right} + 1"
    new = {
        "seq": f"{n.first_seq} + g",
        "id": f"({n.first_assignment} + {assignment}) || '-' || {sample}",
        "problem_id": _problem_id(connection, q),
        "assignment_id": f"{n.first_assignment} + {assignment}",
        "sample_index": sample,
        "iteration": f"{iteration} + 1",
        "outcome": f"CASE WHEN {is_right} THEN 'accepted' ELSE 'wrong' END",
        "sketch": _sketch(connection, f"{iteration} * {SAMPLES} + {content}"),
        "pool": f"CASE WHEN {is_solution} THEN 'solution' WHEN {is_right} THEN NULL ELSE 'mistake' END",
        "place": f"CASE WHEN {is_solution} THEN {place} WHEN {is_right} THEN NULL ELSE {mistake} END",
        "policy_version": f"{iteration} + 1",
        "first_policy_version": f"{iteration} + 1",
    }
    return _copies(connection, RolloutRow, new, f"t.seq = 1 + g % {ORIGINALS}")


def _executions(connection: Connection, n: Numbering) -> str:
    new = {"rollout_seq": f"{n.first_seq} + g"}
    return _copies(connection, ExecutionRow, new, f"t.rollout_seq = 1 + g % {ORIGINALS}", omitted="id")


def _copies(connection: Connection, model: type[Any], new: dict[str, str], original: str, omitted: str = "") -> str:
    """An INSERT of copies of the `original` rows with `new` values, for g from :start to :end."""
    names = [column.name for column in table(model).columns if column.name != omitted]
    values = [new.get(name, f"t.{name}") for name in names]
    numbers = (
        "SELECT generate_series(CAST(:start AS integer), CAST(:end AS integer)) AS g"
        if connection.dialect.name == "postgresql"
        else "WITH RECURSIVE n(g) AS (SELECT :start UNION ALL SELECT g + 1 FROM n WHERE g < :end) SELECT g FROM n"
    )
    name = table(model).name
    return (
        f"INSERT INTO {name} ({', '.join(names)}) SELECT {', '.join(values)} "
        f"FROM ({numbers}) AS numbers CROSS JOIN {name} AS t WHERE {original}"
    )


def _count(connection: Connection, n: Numbering, rows: int) -> None:
    """Set the counters of the problems as writers of those rollouts would have."""
    per_iteration = n.problems * SAMPLES
    for iteration in range(-(-rows // per_iteration)):
        problems = min(n.problems, (rows - iteration * per_iteration) // SAMPLES)
        right = f"({RIGHT.format(q='CAST(substr(id, 2) AS integer)')})"
        distinct = f"(({right} + 1) / 2)"
        connection.execute(
            text(
                f"UPDATE problems SET attempts = attempts + {SAMPLES}, judged = judged + {SAMPLES}, "
                f"accepted = accepted + {right}, solutions = solutions + {distinct}, "
                f"mistakes = mistakes + {SAMPLES} - {right}, duplicates = duplicates + {right} - {distinct} "
                "WHERE CAST(substr(id, 2) AS integer) < :problems"
            ),
            {"problems": problems},
        )


def _problem_id(connection: Connection, q: str) -> str:
    if connection.dialect.name == "postgresql":
        return f"'p' || lpad(({q})::text, 6, '0')"
    return f"printf('p%06d', {q})"


def _sketch(connection: Connection, number: str) -> str:
    """A sketch of eight bytes."""
    if connection.dialect.name == "postgresql":
        return f"decode(lpad(to_hex({number}), 16, '0'), 'hex')"
    return f"CAST(printf('%08x', {number}) AS BLOB)"


def _settle(engine: Engine) -> None:
    """Advance the sequences past the copies, and vacuum as autovacuum would have."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name, key in (("rollouts", "seq"), ("assignments", "id")):
            last = f"(SELECT max({key}) FROM {name})"
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', '{key}'), {last})"))
        connection.execute(text("VACUUM ANALYZE"))


def _indexes() -> list[Index]:
    filled = AssignmentRow, RolloutRow, ExecutionRow
    return sorted(chain(*(table(model).indexes for model in filled)), key=lambda index: str(index.name))
