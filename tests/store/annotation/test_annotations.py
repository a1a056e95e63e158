"""Jobs of teachers in the store: the ledger, the turns, who is at work, and what is kept."""

import pytest

from store.errors import AnnotationTakenError
from store.records import (
    Amount,
    ExecutionRecord,
    Outcome,
    QuestionFinding,
    QuestionVerdict,
    Reservation,
    Segment,
    SegmentKind,
    Spending,
    TeacherTurn,
    Usage,
    WrittenSolution,
)
from store.store import Store

ME = "host:1:1"


@pytest.fixture
def job(filled: Store) -> int:
    """A job that this process is at work on, with two attempts at each of the twenty problems."""
    job = filled.annotations.open_job("key", "teacher", {"solution_format": "tir"})
    filled.annotations.claim(job.id, ME, lambda owner: True)
    filled.annotations.next_questions(job.id, (0.0, 0.6))
    return job.id


def reserve(store: Store, job: int, name: str, money: int, budget: int | None = 100, **options) -> bool:
    request = Reservation(name, 1, 0, Amount(money, 10), **options)
    return store.annotations.reserve(job, ME, request, (budget, None))


def solution(code: str) -> WrittenSolution:
    return WrittenSolution(
        ((f"```python\n{code}\n```\n", "1"), ("\\boxed{1}", None)), (Segment(SegmentKind.CODE, code),)
    )


def test_what_is_spent_and_reserved_never_exceeds_the_budget(filled: Store, job: int) -> None:
    assert reserve(filled, job, "a", 60)
    assert not reserve(filled, job, "b", 41)
    assert reserve(filled, job, "b", 40)
    assert filled.annotations.spending(job) == Spending(Amount(0, 0), Amount(100, 20))
    filled.annotations.add_turn(1, TeacherTurn(0, {"text": "x"}), "a", 15, Usage(3, 2))
    filled.annotations.refuse("b", "HTTP 429")
    assert filled.annotations.spending(job) == Spending(Amount(15, 5), Amount(0, 0))
    assert reserve(filled, job, "c", 85)
    filled.annotations.lose("c", "cut")
    assert filled.annotations.spending(job) == Spending(Amount(100, 15), Amount(0, 0))
    assert not reserve(filled, job, "d", 1)
    assert reserve(filled, job, "d", 1, budget=None)


def test_repeated_entries_count_once(filled: Store, job: int) -> None:
    for _ in range(2):
        assert reserve(filled, job, "a", 60)
    for _ in range(2):
        filled.annotations.add_turn(1, TeacherTurn(0, {"text": "x"}), "a", 15, Usage(3, 2))
    filled.annotations.lose("a", "too late")
    assert filled.annotations.spending(job) == Spending(Amount(15, 5), Amount(0, 0))
    assert filled.annotations.summaries()[0].requests == {"settled": 1}


def test_an_answer_without_usage_counts_with_its_reservation(filled: Store, job: int) -> None:
    reserve(filled, job, "a", 60)
    filled.annotations.add_turn(1, TeacherTurn(0, {"text": "x"}), "a", None, None)
    assert filled.annotations.spending(job).spent == (60, 10)


def test_what_a_dead_process_left_counts_as_spent(filled: Store, job: int) -> None:
    reserve(filled, job, "a", 60)
    reserve(filled, job, "b", 30, batch="batch-1")
    assert filled.annotations.claim(job, "host:2:2", lambda owner: False) == 1
    assert filled.annotations.spending(job) == Spending(Amount(60, 10), Amount(30, 10))  # the batch goes on
    assert filled.annotations.batches_under_way(job) == {
        "batch-1": [Reservation("b", 1, 0, Amount(30, 10), batch="batch-1")]
    }
    with pytest.raises(AnnotationTakenError):
        reserve(filled, job, "c", 1)
    with pytest.raises(AnnotationTakenError):
        filled.annotations.beat(job, ME)


def test_a_silent_owner_loses_the_job(filled: Store, job: int, clock) -> None:
    with pytest.raises(AnnotationTakenError, match=ME):
        filled.annotations.claim(job, "other", lambda owner: True)
    clock.now_s += 61
    assert filled.annotations.claim(job, "other", lambda owner: True) == 0


def test_pages_go_through_all_training_problems_once(filled: Store, job: int) -> None:
    seen, after = [], None
    while True:
        page, after = filled.annotations.next_questions(job, (0.0, 0.6), after, limit=7)
        if after is None:
            break
        seen += [question.problem.id for question in page]
        assert all(len(question.attempts) == 2 for question in page)
    assert sorted(seen) == sorted(f"p{number}" for number in range(20))
    assert filled.annotations.summaries()[0].attempts == {"open": 40}


def test_turns_come_back_as_they_were(filled: Store, job: int) -> None:
    page, _ = filled.annotations.next_questions(job, (0.0,), limit=1)
    (attempt,) = page[0].attempts
    record = ExecutionRecord("ok", "print(1)", "1\n", "", None, 0.5)
    filled.annotations.add_turn(attempt.id, TeacherTurn(0, {"text": "a\0b"}), "none", None, None)
    filled.annotations.show(attempt.id, 0, "1", record)
    (again,) = filled.annotations.attempts(job, page[0].problem.id, 1)
    assert again.turns == (TeacherTurn(0, {"text": "a\ufffdb"}, "1", record),)


def test_equal_solutions_are_kept_once_and_no_more_than_wanted(filled: Store, job: int) -> None:
    page, _ = filled.annotations.next_questions(job, (0.0,) * 5, limit=1)
    codes = "print(1)", "print( 1 )  # again", "x = 1\nprint(x)", "print(2 - 1)", "print(3 - 2)"
    kept = [
        filled.annotations.finish(attempt.id, Outcome.ACCEPTED, "1", solution(code), keep=3)
        for attempt, code in zip(page[0].attempts, codes, strict=True)
    ]
    assert kept == [True, False, True, True, False]
    assert filled.annotations.finish(page[0].attempts[0].id, Outcome.WRONG, "2", None, keep=3)
    assert [one.solution for one in filled.annotations.kept("tir")] == [solution(codes[i]) for i in (0, 2, 3)]
    assert list(filled.annotations.kept("mario")) == []


def test_findings_are_listed_with_their_cost(filled: Store, job: int) -> None:
    page, _ = filled.annotations.next_questions(job, (0.0,), limit=1)
    request = Reservation("a", page[0].attempts[0].id, 0, Amount(60, 10))
    filled.annotations.reserve(job, ME, request, (None, None))
    filled.annotations.lose("a", "cut")
    found = QuestionFinding(page[0].problem.id, QuestionVerdict.DISPUTED, 0, "2", 3)
    filled.annotations.conclude(job, QuestionFinding(page[0].problem.id, QuestionVerdict.UNSOLVED, 0))
    filled.annotations.conclude(job, found)
    assert filled.annotations.unconcluded(job, ["p0", "p1"]) == {"p0", "p1"} - {found.problem_id}
    (listed,) = filled.annotations.findings(job, QuestionVerdict.DISPUTED, 10)
    assert (listed.proposed, listed.agreeing, listed.cost) == ("2", 3, Amount(60, 10))
    assert filled.annotations.findings(job, QuestionVerdict.UNSOLVED, 10) == []


def test_clearing_a_store_keeps_what_was_paid_for(store: Store, make) -> None:
    store.problems.add([make.problem(0)])
    job = store.annotations.open_job("key", "teacher", {})
    store.annotations.next_questions(job.id, (0.0,))
    store.clear()
    assert store.annotations.summaries()[0].attempts == {"open": 1}
