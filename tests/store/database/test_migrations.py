"""The migrations, up and down, with data in the tables."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from store.database.connection import connect, transaction
from store.database.schema import ensure_schema, migrate
from store.database.tables import SCHEMA_REVISION
from store.database.urls import parse_url
from store.records import Outcome, Sampling, Segment, SegmentKind
from store.rollouts.packing import compress, segments_json
from store.rollouts.pools import rebuild
from store.solutions.solution import Solution
from store.store import Store

PROBLEM = "INSERT INTO problems VALUES (:id, :id, '1', 'old', :split, :id, NULL, NULL, 1, 4)"
ROLLOUT = """
    INSERT INTO rollouts (id, problem_id, purpose, outcome, solution_format, dedup_key, prompt_tokens, tokens,
        prompt_ids, token_ids, model_mask, spans, segments, seconds, created_at, assignment_id)
    VALUES (:id, :problem, :purpose, :outcome, 'tir', :key, 0, 0, :none, :none, :none, :none, :segments, 0, 0,
        :assignment)
"""
KEYS = {  # as the first schema had them: a hash of the syntax tree and the answer
    "print(3)": "838d61c84048d15bb8d5f7ade1e27447",
    "x = 1 + 2": "13437e331525dc9bd2beb9938946e0ab",
    "y = (1 + 2)": "13437e331525dc9bd2beb9938946e0ab",
    "x = 2 + 1": "751ad0ee89cf9b83b805c3dfc967e7c0",
    "x = 0": "87d9320feb565df67700628bf2ac8a03",
}
FIRST_SCHEMA = [
    "INSERT INTO policies VALUES (1, NULL, 'policies/1', NULL, '{}', 0)",
    "INSERT INTO iterations VALUES (1, 1, '{}', '{}', 0, NULL)",
    "INSERT INTO evaluations VALUES (7, 1, 'heldout', 0.0, 1.0, 1, NULL, 0, NULL)",
    "INSERT INTO assignments VALUES (5, 'train', 1, NULL, 'p1', 4, 4, 0.8, 1.0, NULL, NULL, 1)",
    "INSERT INTO assignments VALUES (6, 'eval', NULL, 7, 'h1', 1, 0, 0.0, 1.0, NULL, NULL, NULL)",
]


def upgraded(engine: Engine, revision: str) -> None:
    with transaction(engine, write=True, migrate=True) as session:
        migrate(session.connection(), revision)


@pytest.fixture
def first_schema(url: str) -> Iterator[Engine]:
    """A store as of the first migration, with a solution, its copy, a mistake and a demonstration."""
    engine = connect(parse_url(url), create=True)
    upgraded(engine, "0001")
    rollouts = [
        ("demo-1", "demonstration", "accepted", "print(3)", None),
        ("5-0", "train", "accepted", "x = 1 + 2", 5),
        ("5-1", "train", "accepted", "y = (1 + 2)", 5),
        ("5-2", "train", "wrong", "x = 2 + 1", 5),  # with the sketch of the two before
        ("5-3", "train", "fault", "x = 0", 5),
    ]
    with transaction(engine, write=True) as session:
        session.execute(text(PROBLEM), [{"id": "p1", "split": "train"}, {"id": "h1", "split": "heldout"}])
        for statement in FIRST_SCHEMA:
            session.execute(text(statement))
        for name, purpose, outcome, code, assignment in rollouts:
            row = {
                "id": name,
                "purpose": purpose,
                "outcome": outcome,
                "key": bytes.fromhex(KEYS[code]),
                "assignment": assignment,
            }
            segments = compress(segments_json([Segment(SegmentKind.CODE, code)]))
            session.execute(text(ROLLOUT), row | {"problem": "p1", "none": b"", "segments": segments})
    yield engine
    engine.dispose()


def contents(engine: Engine, *columns: str) -> list[tuple[Any, ...]]:
    with transaction(engine, write=False) as session:
        rows = session.execute(text(f"SELECT {', '.join(columns)} FROM rollouts ORDER BY id"))
        return [tuple(row) for row in rows]


def test_rollouts_of_the_first_schema_get_their_places_and_counts(first_schema: Engine) -> None:
    ensure_schema(first_schema, create=False)
    assert contents(first_schema, "id", "pool", "place") == [
        ("5-0", "solution", 1),
        ("5-1", None, None),
        ("5-2", "mistake", 1),
        ("5-3", None, None),
        ("demo-1", "demonstration", 1),
    ]
    with transaction(first_schema, write=False) as session:
        names = "attempts, judged, accepted, solutions, mistakes, demonstrations, duplicates"
        counts = session.execute(text(f"SELECT {names} FROM problems WHERE id = 'p1'")).one()
    assert tuple(counts) == (4, 3, 2, 1, 1, 1, 1)


def test_rollouts_of_the_first_schema_are_deduplicated_as_before(first_schema: Engine) -> None:
    keys = contents(first_schema, "dedup_key")
    ensure_schema(first_schema, create=False)
    three, other = (Solution([Segment(SegmentKind.CODE, code)], None).sketch for code in ("x = 1 + 2", "print(3)"))
    keys_now = contents(first_schema, "sketch", "variant")
    assert [(bytes(sketch), variant) for sketch, variant in keys_now[:3] + keys_now[4:]] == [
        (three, 0),
        (three, 0),
        (three, 1),
        (other, 0),
    ]
    upgraded(first_schema, "0002")
    assert contents(first_schema, "dedup_key") == keys


def test_an_evaluation_of_the_first_schema_is_found_again(first_schema: Engine, url: str) -> None:
    ensure_schema(first_schema, create=False)
    with Store.open(url) as store:
        assert store.evaluations.schedule(1, "heldout", sampling=Sampling(0.0)) == 7


def test_going_down_and_up_again_keeps_every_row(first_schema: Engine) -> None:
    before = contents(first_schema, "id", "problem_id", "outcome", "assignment_id")
    ensure_schema(first_schema, create=False)
    upgraded(first_schema, "0001")
    assert contents(first_schema, "id", "problem_id", "outcome", "assignment_id") == before
    upgraded(first_schema, SCHEMA_REVISION)
    assert contents(first_schema, "id", "problem_id", "outcome", "assignment_id") == before


@pytest.fixture
def third_schema(filled: Store, make) -> Engine:
    """A store as of the third migration, which had rollouts without a verdict in the pools of mistakes."""
    filled.iterations.schedule(1, problems=2, samples=8, sampling=Sampling())
    first, other = filled.assignments.lease("a", 100, 60).assignments
    attempts = [
        (Outcome.ACCEPTED, "a"), (Outcome.ACCEPTED, "a"), (Outcome.WRONG, "b"), (Outcome.WRONG, "c"),
        (Outcome.WRONG, "c"), (Outcome.WRONG, "d"), (Outcome.TRUNCATED, "b"), (Outcome.FAULT, "e"),
    ]  # fmt: skip
    for assignment in (first, other):
        filled.rollouts.add(make.attempt(assignment, i, *attempt) for i, attempt in enumerate(attempts))
    engine = filled._database.engine
    upgraded(engine, "0003")
    with transaction(engine, write=True) as session:
        # As if these had been without a verdict when they were written: the only "b" in the pool, and a copy of "c".
        without = [f"{first.id}-2", f"{first.id}-4"]
        for name in without:
            session.execute(text("UPDATE rollouts SET outcome = 'unverifiable' WHERE id = :id"), {"id": name})
    return engine


def counters(engine: Engine) -> list[tuple[int, ...]]:
    names = "judged, accepted, solutions, mistakes, duplicates"
    with transaction(engine, write=False) as session:
        query = text(f"SELECT {names} FROM problems WHERE judged > 0 ORDER BY judged, id")
        return [tuple(row) for row in session.execute(query)]


def test_rollouts_without_a_verdict_leave_the_pools_of_older_stores(third_schema: Engine) -> None:
    assert counters(third_schema) == [(7, 2, 1, 3, 3)] * 2
    untouched = contents(third_schema, "id", "pool", "place")[8:]

    upgraded(third_schema, "0004")

    assert counters(third_schema) == [(5, 2, 1, 3, 1), (7, 2, 1, 3, 3)]
    found = contents(third_schema, "sample_index", "pool", "place")
    assert found[:8] == [
        (0, "solution", 1),
        (1, None, None),
        (2, None, None),
        (3, "mistake", 1),
        (4, None, None),
        (5, "mistake", 2),
        (6, "mistake", 3),  # a copy of what has left takes its place
        (7, None, None),
    ]
    assert contents(third_schema, "id", "pool", "place")[8:] == untouched


def test_the_upgrade_leaves_what_a_rebuild_of_the_pools_would(third_schema: Engine) -> None:
    upgraded(third_schema, SCHEMA_REVISION)
    before = counters(third_schema), contents(third_schema, "id", "pool", "place")
    with transaction(third_schema, write=True) as session:
        rebuild(session, list(session.scalars(text("SELECT id FROM problems"))))
    assert (counters(third_schema), contents(third_schema, "id", "pool", "place")) == before


def test_older_stores_get_the_tokens_of_what_was_judged(filled: Store, make) -> None:
    filled.iterations.schedule(1, problems=1, samples=3, sampling=Sampling())
    (assignment,) = filled.assignments.lease("a", 10, 60).assignments
    outcomes = Outcome.ACCEPTED, Outcome.WRONG, Outcome.UNDECIDED
    filled.rollouts.add(make.attempt(assignment, i, outcome) for i, outcome in enumerate(outcomes))
    query = text("SELECT id, judged, judged_tokens FROM problems ORDER BY judged_tokens DESC LIMIT 2")
    found = []
    for _ in range(2):
        with transaction(filled._database.engine, write=False) as session:
            found.append([tuple(row) for row in session.execute(query)])
        upgraded(filled._database.engine, "0007")
        upgraded(filled._database.engine, SCHEMA_REVISION)
    assert found[0][0] == (assignment.problem.id, 2, 10)
    assert found[0][1][1:] == (0, 0)
    assert found[1] == found[0]


def test_an_undecided_outcome_is_unverifiable_after_a_downgrade(filled: Store, make) -> None:
    filled.iterations.schedule(1, problems=1, samples=1, sampling=Sampling())
    (assignment,) = filled.assignments.lease("a", 100, 60).assignments
    filled.rollouts.add([make.attempt(assignment, 0, Outcome.UNDECIDED)])
    upgraded(filled._database.engine, "0003")
    assert contents(filled._database.engine, "outcome") == [("unverifiable",)]


def test_excluded_problems_are_held_out_after_a_downgrade(filled: Store) -> None:
    with transaction(filled._database.engine, write=True) as session:
        session.execute(text("UPDATE problems SET split = 'excluded' WHERE split = 'train'"))
    upgraded(filled._database.engine, "0001")
    with transaction(filled._database.engine, write=False) as session:
        assert session.scalars(text("SELECT DISTINCT split FROM problems")).all() == ["heldout"]


def test_no_reference_dangles_after_a_downgrade_and_an_upgrade(filled: Store, make) -> None:
    filled.iterations.schedule(1, problems=2, samples=2, sampling=Sampling())
    rollouts = [
        make.attempt(a, i, Outcome.ACCEPTED)
        for a in filled.assignments.lease("a", 100, 60).assignments
        for i in a.pending
    ]
    filled.rollouts.add(rollouts)
    upgraded(filled._database.engine, "0001")
    upgraded(filled._database.engine, SCHEMA_REVISION)
    if filled._database.engine.dialect.name == "sqlite":
        with transaction(filled._database.engine, write=False) as session:
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    assert sorted(r.id for r in filled.rollouts.iterate()) == sorted(r.id for r in rollouts)
    assert filled.evaluations.schedule(1, "heldout", sampling=Sampling(0.0)) == 1


def test_evaluations_that_the_first_schema_cannot_distinguish_get_unique_names(filled: Store) -> None:
    first = filled.evaluations.schedule(1, "heldout", sampling=Sampling(0.0), limit=3)
    second = filled.evaluations.schedule(1, "heldout", sampling=Sampling(0.0), limit=5)
    upgraded(filled._database.engine, "0001")
    with transaction(filled._database.engine, write=False) as session:
        names = session.execute(text("SELECT id, benchmark FROM evaluations ORDER BY id")).all()
    assert [tuple(row) for row in names] == [(first, "heldout"), (second, f"heldout@{second}")]
    upgraded(filled._database.engine, SCHEMA_REVISION)
    assert filled.evaluations.schedule(1, "heldout", sampling=Sampling(0.0), limit=3) == first
