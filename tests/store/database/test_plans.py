"""Query plans: no step of the loop reads all rollouts, whatever is stored."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from store.records import Policy, Sampling
from store.settings import SelectionSettings
from store.store import Store

from .faults_writer import attempt

# "t" is the alias in `store.database.bulk`.
LARGE = ("rollouts", "executions", "assignments", "training_set_rollouts", "t")


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
        if statement.lstrip().startswith(("SELECT", "WITH", "UPDATE")):
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
