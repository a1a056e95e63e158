"""Query plans: no step of the loop reads all rollouts, whatever is stored."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from store.records import (
    Amount,
    CollectedAnswer,
    Completion,
    Outcome,
    Policy,
    Purpose,
    QuestionFinding,
    QuestionVerdict,
    Rating,
    Reservation,
    ReviewStatus,
    RolloutFilter,
    Sampling,
    Split,
    TeacherTurn,
    WrittenSolution,
)
from store.runs.samplers import SamplerState
from store.settings import SelectionSettings
from store.store import Store

from .faults_writer import attempt

# "t" is the alias in `store.database.bulk`.
LARGE = (
    "rollouts",
    "executions",
    "assignments",
    "training_set_rollouts",
    "collected",
    "collected_answers",
    "annotation_attempts",
    "annotation_turns",
    "annotation_requests",
    "annotation_questions",
    "t",
)


@pytest.fixture
def worked(tmp_path, make) -> Iterator[Store]:
    """A SQLite store with a scheduled iteration. PostgreSQL would rightly scan tables that are this small."""
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        store.problems.add(make.problem(number) for number in range(20))
        store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
        store.iterations.open(1, policy_version=1)
        store.iterations.schedule(1, problems=20, samples=4, sampling=Sampling())
        yield store


def plans(store: Store, act) -> list[str]:
    """SQLite's plans of the statements of `act`, line by line."""
    seen: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, _context, many) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            seen.append((statement, parameters[0] if many else parameters))

    event.listen(store._database.engine, "before_cursor_execute", note)
    act()
    event.remove(store._database.engine, "before_cursor_execute", note)
    with store._database.engine.connect() as connection:
        return [
            row[-1]
            for statement, parameters in seen
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


def scans(plan: list[str]) -> list[str]:
    return [line for line in plan if line.startswith("SCAN") and line.split()[1] in LARGE]


def test_leasing_writing_and_selecting_look_up_what_they_need(worked):
    def lease_write_and_select() -> None:
        assignments = worked.assignments.lease("me", 40, 60).assignments
        worked.rollouts.add([attempt(assignment, sample) for assignment in assignments for sample in range(4)])
        worked.training_sets.select(2, SelectionSettings())

    plan = plans(worked, lease_write_and_select)
    assert any("ix_rollouts_sketches" in line for line in plan)
    assert any("ix_rollouts_pools" in line for line in plan)
    assert any("ix_assignments_open" in line for line in plan)
    assert scans(plan) == []


def test_the_figures_of_an_iteration_read_its_rollouts_alone(worked):
    plan = plans(worked, lambda: (worked.iterations.outcomes(1), worked.iterations.blocks_run(1)))
    assert sum("ix_rollouts_iteration" in line for line in plan) == 2
    assert scans(plan) == []


def test_scheduling_by_difficulty_looks_up_what_is_open(worked):
    worked.iterations.open(2, policy_version=1)
    plan = plans(
        worked, lambda: worked.iterations.schedule(2, problems=5, samples=4, sampling=Sampling(), rule="by_difficulty")
    )
    assert any("SEARCH problems USING INDEX ix_problems_split" in line for line in plan)
    assert any("USING INDEX ix_assignments_open" in line for line in plan)
    assert scans(plan) == []


def test_counts_by_support_read_an_index_alone(worked):
    plan = plans(worked, lambda: worked.iterations.support(1))
    assert any("COVERING INDEX ix_rollouts_support" in line for line in plan)
    assert scans(plan) == []


def test_a_selection_by_support_looks_up_places(worked):
    assignments = worked.assignments.lease("me", 40, 60).assignments
    worked.rollouts.add([attempt(assignment, sample) for assignment in assignments for sample in range(4)])
    settings = SelectionSettings(support="not_unsupported")
    plan = plans(worked, lambda: worked.training_sets.select(2, settings))
    assert any("COVERING INDEX ix_rollouts_pools" in line for line in plan)
    assert scans(plan) == []


def test_pruning_looks_up_the_rollouts_of_problems(worked):
    worked.rollouts.add([attempt(assignment, 0) for assignment in worked.assignments.lease("me", 40, 60).assignments])
    plan = plans(worked, worked.rollouts.prune)
    assert any("ix_rollouts_sketches" in line for line in plan)
    assert scans(plan) == []


@pytest.fixture
def waiting(worked) -> Store:
    """The same, complete but for what another owner has leased, with evaluations of two policies that are complete."""
    worked.policies.add(Policy(2, 1, "policies/2"))
    for version in (1, 2):
        worked.evaluations.schedule(version, "train", sampling=Sampling(0.0), split=Split.TRAIN)
        leased = worked.assignments.lease("other", 100, 60, version, Purpose.EVAL, version).assignments
        worked.rollouts.add([attempt(assignment, 0) for assignment in leased])
    for assignment in worked.assignments.lease("other", 100, 60, 1).assignments[:-2]:
        worked.rollouts.add([attempt(assignment, sample) for sample in assignment.pending])
    return worked


@pytest.mark.parametrize("held", [None, 1, 2])
def test_an_idle_poll_reads_unfinished_assignments_alone_and_writes_nothing(waiting, held):
    waiting.samplers.register("other", "host")
    waiting.samplers.report("other", SamplerState.SAMPLING, 1, progressed=True)
    plan = plans(waiting, lambda: waiting.assignments.lease("idle", 8, 60, held, swap_wait_s=300))
    of_assignments = [line for line in plan if "assignments" in line]
    assert len(of_assignments) >= 3
    assert {line.partition("USING ")[2] for line in of_assignments} == {"INDEX ix_assignments_open (purpose=?)"}
    assert not any(line.startswith("UPDATE") for line in plan)
    assert scans(plan) == []


def test_a_sampler_that_is_to_go_back_is_found_among_unfinished_assignments(waiting):
    waiting.evaluations.schedule(1, "again", sampling=Sampling(0.0), split=Split.TRAIN)
    plan = plans(waiting, lambda: waiting.assignments.lease("other", 8, 60, 2))
    assert all("ix_assignments_open" in line for line in plan if "SEARCH assignments" in line and "rowid" not in line)
    assert scans(plan) == []


def rows_removed(node: dict[str, Any]) -> int:
    """How many rows of assignments a plan of PostgreSQL reads."""
    rows = node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0)
    own = rows * node.get("Actual Loops", 1) if node.get("Relation Name") == "assignments" else 0
    return own + sum(rows_removed(child) for child in node.get("Plans", ()))


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("held", [1, 2])
def test_an_idle_poll_of_a_large_store_in_postgresql_reads_few_assignments(filled, held):
    filled.policies.add(Policy(2, 1, "policies/2"))
    filled.iterations.schedule(1, 20, 1, Sampling())
    for version in (1, 2):
        filled.evaluations.schedule(version, "heldout", sampling=Sampling(0.0))
    left = len(filled.assignments.lease("other", 5, 1e9, 1, Purpose.TRAIN).assignments)
    copy = "INSERT INTO assignments (purpose, iteration, evaluation_id, problem_id, samples, done, temperature, top_p,"
    copy += " completed_at) SELECT purpose, iteration, evaluation_id, problem_id, samples, samples, 0, 1, 1"
    with filled._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("UPDATE assignments SET completed_at = 1, done = samples WHERE owner IS NULL")
        connection.exec_driver_sql(f"{copy} FROM assignments, generate_series(1, 500) WHERE completed_at IS NOT NULL")
        connection.exec_driver_sql("VACUUM ANALYZE")
    seen: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, _context, _many) -> None:
        if "FROM assignments" in statement:
            seen.append((statement, parameters))

    event.listen(filled._database.engine, "before_cursor_execute", note)
    assert filled.assignments.lease("idle", 8, 60, held, swap_wait_s=300).assignments == ()
    event.remove(filled._database.engine, "before_cursor_execute", note)
    with filled._database.engine.connect() as connection:
        explained = [
            connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters).scalar()
            for statement, parameters in seen
        ]
    read = [rows_removed(plan[0]["Plan"]) for plan in explained]
    assert max(read) <= 2 * left


def test_collecting_and_rating_look_up_what_they_need(worked):
    messages = ({"role": "user", "content": "1 + 1?"},)
    answers = (CollectedAnswer("2", "2", "stop", 1),)

    def collect_rate_and_list() -> None:
        worked.feedback.collect([Completion("c1", "m", messages, {}, 0.0, answers)])
        worked.feedback.rate(Rating("c1", 0, 1))
        worked.feedback.collected(ReviewStatus.OPEN, 10)

    plan = plans(worked, collect_rate_and_list)
    assert sum("ix_collected_status_rated_at_seq" in line for line in plan) == 2  # pruning, and the list
    assert scans(plan) == []


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (RolloutFilter(), "COVERING INDEX ix_rollouts_newest"),
        (RolloutFilter(outcome=Outcome.WRONG, policy_version=1), "COVERING INDEX ix_rollouts_newest"),
        (RolloutFilter(source="test", iteration=1, purpose=Purpose.TRAIN), "ix_rollouts_newest"),
        (RolloutFilter(problem_id="p1"), "ix_rollouts_sketches"),
        (RolloutFilter(text="x"), "INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
    ],
)
def test_browsing_reads_a_window_of_an_index_or_of_the_table(worked, wanted, index):
    worked.rollouts.add([attempt(assignment, 0) for assignment in worked.assignments.lease("me", 40, 60).assignments])
    plan = plans(worked, lambda: (worked.rollouts.page(wanted, 5), worked.rollouts.count(wanted)))
    assert any(index in line for line in plan)
    assert scans(plan) == []


def test_annotation_looks_up_what_it_needs(worked):
    annotations = worked.annotations

    def annotate() -> None:
        job = annotations.open_job("key", "teacher", {"solution_format": "tir"}).id
        annotations.claim(job, "me", lambda owner: True)
        page, after = annotations.next_questions(job, (0.0, 0.6), limit=5)
        annotations.next_questions(job, (0.0, 0.6), after, limit=5)
        attempt = page[0].attempts[0]
        assert annotations.reserve(job, "me", Reservation("a", attempt.id, 0, Amount(5, 5)), (10, 10))
        annotations.add_turn(attempt.id, TeacherTurn(0, {"text": "1"}), "a", None, None)
        annotations.show(attempt.id, 0, "1", None)
        annotations.finish(attempt.id, Outcome.ACCEPTED, "1", WrittenSolution((("1", None),), ()), 4)
        annotations.attempts(job, attempt.problem_id, 2)
        annotations.conclude(job, QuestionFinding(attempt.problem_id, QuestionVerdict.VERIFIED, 1))
        annotations.unconcluded(job, [attempt.problem_id])
        annotations.findings(job, QuestionVerdict.VERIFIED, 10)
        annotations.batches_under_way(job)
        assert len(list(annotations.kept())) == 1
        annotations.claim(job, "other", lambda owner: False)

    plan = plans(worked, annotate)
    assert any("ix_annotation_attempts_kept" in line for line in plan)
    assert any("uq_annotation_attempts_place" in line for line in plan)
    assert any("ix_annotation_requests_status" in line for line in plan)
    assert [line for line in scans(plan) if "ix_annotation_attempts_kept" not in line] == []
