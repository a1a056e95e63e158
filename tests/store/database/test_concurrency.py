"""Concurrent access of threads to the same rows: each test starts them at the same moment, many times."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text

from store.database.connection import transaction
from store.database.tables import AssignmentRow, ProblemRow, RolloutRow
from store.errors import ReviewDecidedError, StoreAwayError, StoreError
from store.labels.audit import Proposal
from store.records import Outcome, ReviewStatus, Sampling, Split

ROUNDS = 8


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls at the same moment; returns the result of each, or its `StoreError`."""
    barrier = threading.Barrier(len(calls))

    def go(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except StoreError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(go, calls))


def scheduled(store: Any, samples: int) -> Sequence[Any]:
    store.iterations.schedule(1, problems=20, samples=samples, sampling=Sampling())
    return store.assignments.lease("a", 20 * samples, 60).assignments


def places(store: Any, problem_id: str) -> list[int]:
    with transaction(store._database.engine, write=False) as session:
        query = select(RolloutRow.place).where(RolloutRow.problem_id == problem_id, RolloutRow.place.is_not(None))
        return sorted(place for place in session.scalars(query) if place is not None)


def test_of_equal_solutions_that_are_written_at_once_one_is_kept(filled, make):
    writers = 4
    for assignment in scheduled(filled, writers)[:ROUNDS]:
        rollouts = [make.attempt(assignment, i, Outcome.ACCEPTED, "print(1)") for i in range(writers)]
        written = at_once(*(lambda one=one: filled.rollouts.add([one]) for one in rollouts))
        assert written == [1] * writers
        assert places(filled, assignment.problem.id) == [1]
        with transaction(filled._database.engine, write=False) as session:
            problem = session.get(ProblemRow, assignment.problem.id)
            assert (problem.solutions, problem.duplicates, problem.accepted) == (1, writers - 1, writers)
            assert session.get(AssignmentRow, assignment.id).done == writers


def test_solutions_that_are_written_at_once_get_places_without_gaps(filled, make):
    writers = 4
    for assignment in scheduled(filled, writers)[:ROUNDS]:
        rollouts = [make.attempt(assignment, i) for i in range(writers)]
        at_once(*(lambda one=one: filled.rollouts.add([one]) for one in rollouts))
        assert places(filled, assignment.problem.id) == [1, 2, 3, 4]


def test_a_rollout_that_is_written_twice_at_once_counts_once(filled, make):
    for assignment in scheduled(filled, 2)[:ROUNDS]:
        rollout = make.attempt(assignment, 0)
        written = at_once(*(lambda rollout=rollout: filled.rollouts.add([rollout]) for _ in range(3)))
        assert sorted(written) == [0, 0, 1]
    assert filled.iterations.progress(1)[0] == ROUNDS


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_a_lease_does_not_wait_for_rows_that_another_is_leasing(filled):
    filled.iterations.schedule(1, problems=20, samples=1, sampling=Sampling())
    with transaction(filled._database.engine, write=True) as session:
        held = session.scalars(select(AssignmentRow.id).order_by(AssignmentRow.id).limit(5).with_for_update()).all()
        leased = {assignment.id for assignment in filled.assignments.lease("b", 20, 60).assignments}
    assert len(leased) == 15
    assert leased.isdisjoint(held)


def test_leases_are_extended_and_given_back_while_rollouts_are_written_without_a_deadlock(filled, make, caplog):
    assignments = scheduled(filled, ROUNDS)
    backwards = [assignment.id for assignment in reversed(assignments)]
    for sample in range(ROUNDS):
        rollouts = [make.attempt(assignment, sample) for assignment in reversed(assignments)]
        at_once(
            lambda rollouts=rollouts: filled.rollouts.add(rollouts),
            lambda: filled.assignments.extend("a", backwards, 60),
            lambda: filled.assignments.release("a"),
        )
        filled.assignments.lease("a", 20 * ROUNDS, 60)
    assert filled.iterations.progress(1) == (20 * ROUNDS, 20 * ROUNDS)
    assert "retrying in" not in caplog.text


def test_iterations_are_scheduled_while_rollouts_are_written_without_a_deadlock(filled, make, caplog):
    """The next iteration is opened while samplers write, to the same problems in another order."""
    assignments = scheduled(filled, ROUNDS)
    for sample in range(ROUNDS):
        filled.iterations.open(sample + 2, policy_version=1)
        rollouts = [make.attempt(assignment, sample) for assignment in assignments]
        at_once(
            lambda rollouts=rollouts: filled.rollouts.add(rollouts),
            lambda n=sample + 2: filled.iterations.schedule(n, 20, 1, Sampling(), rule="uniform", seed=n),
            lambda: filled.assignments.lease("b", 40, 60),
        )
    assert filled.iterations.progress(1) == (20 * ROUNDS, 20 * ROUNDS)
    assert "retrying in" not in caplog.text


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_lease_is_extended_while_rollouts_that_refer_to_it_are_being_written(filled):
    """Writing a rollout locks the key of its assignment, which an extension or another lease need not wait for."""
    filled.iterations.schedule(1, problems=20, samples=1, sampling=Sampling())
    held = [assignment.id for assignment in filled.assignments.lease("a", 20, 60).assignments]
    with transaction(filled._database.engine, write=True) as session:
        locked = select(AssignmentRow.id).with_for_update(key_share=True, read=True)
        assert len(session.scalars(locked).all()) == 20
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(filled.assignments.extend, "a", held, 60).result(timeout=10) == 20
            assert thread.submit(filled.assignments.release, "a").result(timeout=10) == 20
            assert len(thread.submit(filled.assignments.lease, "b", 20, 60).result(timeout=10).assignments) == 20


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_schedule_that_waits_for_a_problem_holds_none_that_a_writer_wants_next(filled):
    """Both lock problems in the order of their ids, so that neither waits for the other."""
    engine = filled._database.engine
    ids = select(ProblemRow.id).where(ProblemRow.split == Split.TRAIN).order_by(ProblemRow.id)
    with ThreadPoolExecutor(1) as thread:
        with transaction(engine, write=True) as writer:
            first = writer.scalars(ids.limit(1).with_for_update()).one()
            scheduled = thread.submit(filled.iterations.schedule, 1, 20, 1, Sampling(), rule="uniform", seed=3)
            while not waits_for_a_lock(engine):
                assert not scheduled.done()
                time.sleep(0.01)
            others = writer.scalars(ids.where(ProblemRow.id != first).with_for_update(nowait=True)).all()
            assert len(others) == 19
        assert scheduled.result(timeout=30) == 20


def waits_for_a_lock(engine: Any) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql(query).scalar())


def test_imports_in_different_orders_at_once_store_each_problem_once(filled, make, caplog):
    for turn in range(ROUNDS):
        new = [make.problem(1_000 + 50 * turn + i) for i in range(50)]
        added = at_once(lambda new=new: filled.problems.add(new), lambda new=new: filled.problems.add(new[::-1]))
        assert sorted(added) == [0, 50]
    assert filled.problems.counts()[Split.TRAIN.value] == 20 + 50 * ROUNDS
    assert "retrying in" not in caplog.text


def test_of_two_decisions_at_once_one_holds(filled):
    for number in range(ROUNDS):
        filled.labels.propose([Proposal(f"p{number}", str(number), "77", 0.9, {})], "audit")
    for review in filled.labels.reviews():
        accepted, rejected = at_once(
            lambda review=review: filled.labels.accept(review.id, "ann", "right", lambda label, answers: {}),
            lambda review=review: filled.labels.reject(review.id, "bob", "wrong"),
        )
        decided = filled.labels.review(review.id)
        assert isinstance(rejected if decided.status is ReviewStatus.ACCEPTED else accepted, ReviewDecidedError)
        assert (filled.problems.get(review.problem_id).answer == "77") is (decided.status is ReviewStatus.ACCEPTED)


def test_a_rollout_that_comes_with_a_correction_is_judged_by_it(filled, make):
    """In either order: the correction rescores stored rollouts, an audit those written since with the old label."""

    def judge(label: str, answers: Sequence[str]) -> dict[str, Outcome]:
        return {answer: Outcome.ACCEPTED if answer == label else Outcome.WRONG for answer in answers}

    for assignment in scheduled(filled, 2)[:ROUNDS]:
        problem = assignment.problem
        filled.labels.propose([Proposal(problem.id, problem.answer, "77", 0.9, {})], "audit")
        (review,) = filled.labels.reviews(problem_id=problem.id)
        filled.rollouts.add([make.attempt(assignment, 0, Outcome.WRONG, "a", "77")])
        at_once(
            lambda review=review: filled.labels.accept(review.id, "ann", "right", judge),
            lambda assignment=assignment: filled.rollouts.add([make.attempt(assignment, 1, Outcome.WRONG, "b", "77")]),
        )
        filled.labels.accept(review.id, "ann", "right", judge)  # as the audit does
        assert {rollout.outcome for rollout in filled.rollouts.iterate(problem_id=problem.id)} == {Outcome.ACCEPTED}
        assert places(filled, problem.id) == [1, 2]


def test_a_result_that_nobody_read_holds_no_connection_in_the_past(filled, make):
    with transaction(filled._database.engine, write=False) as session:
        left_alone = session.execute(select(ProblemRow.id))
    others = at_once(*(lambda i=i: filled.problems.add([make.problem(100 + i)]) for i in range(4)))
    assert others == [1, 1, 1, 1]
    assert filled.problems.add([make.problem(104)]) == 1
    assert filled.problems.counts()[Split.TRAIN.value] == 25
    del left_alone


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_the_server_ends_a_write_that_is_silent_in_its_middle(store, make, monkeypatch):
    monkeypatch.setattr("store.database.postgresql.IDLE_WRITE_S", 1)
    lock, written = text("LOCK TABLE problems IN ACCESS EXCLUSIVE MODE"), []

    def write_silently() -> None:
        with transaction(store._database.engine, write=True) as session:
            session.execute(lock)
            written.append(store.problems.add([make.problem(1)]))  # as soon as the silent one has lost its lock
            session.execute(lock)

    with pytest.raises(StoreAwayError, match="idle-in-transaction timeout"):
        write_silently()
    assert written == [1]
