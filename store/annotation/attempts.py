"""Attempts of a job: created for a page of problems, continued turn by turn, ended with an outcome."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from store.annotation.ledger import settle
from store.annotation.texts import storable
from store.database.array_membership import in_array
from store.database.tables import (
    AnnotationAttemptRow,
    AnnotationQuestionRow,
    AnnotationTurnRow,
    ProblemRow,
    table,
)
from store.problems.queries import PROBLEM_COLUMNS
from store.problems.row_locks import lock_problems
from store.records import (
    ExecutionRecord,
    Outcome,
    Problem,
    QuestionFinding,
    QuestionPosition,
    Segment,
    SegmentKind,
    Split,
    TeacherAttempt,
    TeacherQuestion,
    TeacherTurn,
    Usage,
    WrittenSolution,
)
from store.solutions.solution import Solution


def next_questions(
    session: Session,
    job_id: int,
    temperatures: Sequence[float],
    after: QuestionPosition | None,
    limit: int,
    source: str | None,
    split: Split,
    *,
    originals: bool,
) -> tuple[list[TeacherQuestion], QuestionPosition | None]:
    """The next problems of a split in their random order, with the attempts of a job at them, which are created.

    There is one attempt for each temperature. Returns the position of the last problem too, None if there is none left.
    """
    query = select(ProblemRow.shuffle_key, *PROBLEM_COLUMNS).where(ProblemRow.split == split)
    if after is not None:
        key, problem_id = ProblemRow.shuffle_key, ProblemRow.id
        query = query.where(key >= after.shuffle_key, or_(key > after.shuffle_key, problem_id > after.problem_id))
    if source is not None:
        query = query.where(ProblemRow.source == source)
    if originals:
        query = query.where(ProblemRow.parent_key.is_(None))
    rows = session.execute(query.order_by(ProblemRow.shuffle_key, ProblemRow.id).limit(limit)).all()
    if not rows:
        return [], None
    problems = [Problem(*row[1:]) for row in rows]
    _create_missing(session, job_id, [problem.id for problem in problems], temperatures)
    attempts = attempts_at(session, job_id, [problem.id for problem in problems], len(temperatures))
    questions = [TeacherQuestion(problem, attempts[problem.id]) for problem in problems]
    return questions, QuestionPosition(rows[-1][0], problems[-1].id)


def attempts_at(
    session: Session, job_id: int, problem_ids: Sequence[str], samples: int
) -> dict[str, tuple[TeacherAttempt, ...]]:
    """The first attempts of a job at problems, by problem; those without an outcome have their turns."""
    row = AnnotationAttemptRow
    query = select(row).where(row.job_id == job_id, in_array(row.problem_id, problem_ids), row.sample < samples)
    rows = session.scalars(query.order_by(row.sample)).all()
    turns = _turns(session, [row.id for row in rows if row.outcome is None])
    found: dict[str, list[TeacherAttempt]] = defaultdict(list)
    for one in rows:
        place = one.id, one.problem_id, one.sample, one.temperature
        found[one.problem_id].append(TeacherAttempt(*place, one.outcome, one.answer, tuple(turns.get(one.id, ()))))
    return {problem_id: tuple(attempts) for problem_id, attempts in found.items()}


def add_turn(
    session: Session,
    attempt_id: int,
    turn: TeacherTurn,
    request_id: str,
    cost: tuple[int | None, Usage | None],
    now: float,
) -> None:
    """Store a teacher's answer and settle its request. An answer to a turn that has one already is only paid for."""
    settle(session, request_id, *cost, now)
    if session.get(AnnotationTurnRow, (attempt_id, turn.number)) is None:
        row = {"attempt_id": attempt_id, "number": turn.number, "request_id": request_id}
        values = row | {"reply": storable(turn.reply), "created_at": now}
        session.execute(insert(table(AnnotationTurnRow)).values(values))


def show(session: Session, attempt_id: int, number: int, shown: str, execution: ExecutionRecord | None) -> None:
    """Store what is shown to the teacher in return for a turn."""
    row = AnnotationTurnRow
    values = {"shown": storable(shown), "execution": None if execution is None else storable(asdict(execution))}
    session.execute(update(row).where(row.attempt_id == attempt_id, row.number == number).values(values))


def fail(session: Session, attempt_id: int, reason: str) -> None:
    """Record why an attempt cannot go on for now. It stays without an outcome."""
    row = AnnotationAttemptRow
    session.execute(update(row).where(row.id == attempt_id).values(failure=storable(reason)))


def finish(
    session: Session,
    attempt_id: int,
    outcome: Outcome,
    answer: str | None,
    solution: WrittenSolution | None,
    keep: int,
    now: float,
) -> bool:
    """End an attempt; repeating changes nothing. Returns whether its solution is kept.

    A verified solution is kept unless an equal one of the same problem was kept before, or `keep` others were.
    """
    row = session.get(AnnotationAttemptRow, attempt_id, with_for_update=True)
    assert row is not None, "an attempt that is under way"
    if row.outcome is not None:
        return bool(row.kept)
    row.outcome, row.finished_at, row.failure = outcome, now, None
    row.answer = None if answer is None else storable(answer)
    if outcome is Outcome.ACCEPTED and solution is not None:
        lock_problems(session, [row.problem_id])
        row.solution = storable({"turns": solution.turns, "segments": _pairs(solution)})
        row.kept = int(_is_kept(session, row.problem_id, Solution(solution.segments, answer), keep))
    return bool(row.kept)


def conclude(session: Session, job_id: int, finding: QuestionFinding) -> None:
    """Store what a job found about a problem, in the place of what it found before."""
    row = session.get(AnnotationQuestionRow, (job_id, finding.problem_id))
    if row is None:
        row = AnnotationQuestionRow(job_id=job_id, problem_id=finding.problem_id)
        session.add(row)
    row.verdict, row.verified = finding.verdict.value, finding.verified
    row.proposed = None if finding.proposed is None else storable(finding.proposed)
    row.agreeing = finding.agreeing


def unconcluded(session: Session, job_id: int, problem_ids: Sequence[str]) -> set[str]:
    """Those of these problems of which it is not stored what a job found."""
    row = AnnotationQuestionRow
    query = select(row.problem_id).where(row.job_id == job_id, in_array(row.problem_id, problem_ids))
    return set(problem_ids) - set(session.scalars(query))


def read_solution(stored: Mapping[str, Any]) -> WrittenSolution:
    """A solution as `finish` stored it."""
    turns = tuple((text, shown) for text, shown in stored["turns"])
    return WrittenSolution(turns, tuple(Segment(SegmentKind(kind), text) for kind, text in stored["segments"]))


def executions_of(session: Session, attempt_ids: Sequence[int]) -> dict[int, tuple[ExecutionRecord, ...]]:
    """The executions of attempts, in order."""
    return {
        attempt_id: tuple(turn.execution for turn in turns if turn.execution is not None)
        for attempt_id, turns in _turns(session, attempt_ids).items()
    }


def _create_missing(session: Session, job_id: int, problem_ids: Sequence[str], temperatures: Sequence[float]) -> None:
    row = AnnotationAttemptRow
    places = select(row.problem_id, row.sample).where(row.job_id == job_id, in_array(row.problem_id, problem_ids))
    known = {(problem_id, sample) for problem_id, sample in session.execute(places)}
    missing = [
        {
            "job_id": job_id,
            "problem_id": problem_id,
            "sample": sample,
            "temperature": temperature,
            "kept": 0,
            "spent_microusd": 0,
            "spent_tokens": 0,
        }
        for problem_id in problem_ids
        for sample, temperature in enumerate(temperatures)
        if (problem_id, sample) not in known
    ]
    if missing:
        session.execute(insert(table(row)), missing)


def _turns(session: Session, attempt_ids: Sequence[int]) -> dict[int, list[TeacherTurn]]:
    row = AnnotationTurnRow
    found: dict[int, list[TeacherTurn]] = {attempt_id: [] for attempt_id in attempt_ids}
    query = select(row).where(in_array(row.attempt_id, attempt_ids)).order_by(row.attempt_id, row.number)
    for one in session.scalars(query):
        execution = None if one.execution is None else ExecutionRecord(**one.execution)
        found[one.attempt_id].append(TeacherTurn(one.number, one.reply, one.shown, execution))
    return found


def _is_kept(session: Session, problem_id: str, solution: Solution, keep: int) -> bool:
    row = AnnotationAttemptRow
    kept = session.execute(select(row.solution, row.answer).where(row.problem_id == problem_id, row.kept == 1)).all()
    return len(kept) < keep and all(
        Solution(read_solution(stored).segments, answer) != solution for stored, answer in kept if stored is not None
    )


def _pairs(solution: WrittenSolution) -> list[tuple[str, str]]:
    return [(segment.kind.value, segment.text) for segment in solution.segments]
