"""What came of annotation: kept solutions, problems for people, and jobs in figures."""

from collections.abc import Sequence

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from store.annotation.attempts import executions_of, read_solution
from store.annotation.jobs import job_record
from store.database.array_membership import in_array
from store.database.tables import (
    AnnotationAttemptRow,
    AnnotationJobRow,
    AnnotationQuestionRow,
    AnnotationRequestRow,
    ProblemRow,
)
from store.problems.queries import find_problems
from store.records import (
    Amount,
    AnnotationSummary,
    KeptSolution,
    Outcome,
    Problem,
    QuestionFinding,
    QuestionVerdict,
    RequestStatus,
    Reservation,
    Split,
)

OPEN = "open"
"""The key under which attempts without an outcome are counted."""


def kept_after(
    session: Session, after: tuple[str, int] | None, limit: int, solution_format: str | None
) -> tuple[list[KeptSolution], tuple[str, int] | None]:
    """The next kept solutions to training problems, by problem; and the position of the last, None at the end."""
    row = AnnotationAttemptRow
    query = select(row).where(row.kept == 1).order_by(row.problem_id, row.id).limit(limit)
    if after is not None:
        query = query.where(tuple_(row.problem_id, row.id) > tuple_(*after))
    rows = session.scalars(query).all()
    if not rows:
        return [], None
    problems = {p.id: p for p in find_problems(session, ProblemRow.id, {one.problem_id for one in rows})}
    jobs = {one.id: one for one in session.scalars(select(AnnotationJobRow))}
    executions = executions_of(session, [one.id for one in rows])
    found = []
    for one in rows:
        problem, job = problems.get(one.problem_id), jobs[one.job_id]
        written_as = str(job.settings["solution_format"])
        if problem is None or problem.split is not Split.TRAIN or solution_format not in (None, written_as):
            continue
        solution = read_solution(one.solution or {})
        found.append(
            KeptSolution(one.id, problem, one.answer or "", written_as, job.model, solution, executions[one.id])
        )
    return found, (rows[-1].problem_id, rows[-1].id)


def written_after(
    session: Session, job_id: int, after: tuple[str, int] | None, limit: int
) -> tuple[list[tuple[Problem, int, str]], tuple[str, int] | None]:
    """What the next accepted attempts of a job answered, by problem and sample; the position of the last, or None."""
    row = AnnotationAttemptRow
    query = select(row.problem_id, row.sample, row.answer).where(row.job_id == job_id, row.outcome == Outcome.ACCEPTED)
    if after is not None:
        query = query.where(row.problem_id >= after[0], tuple_(row.problem_id, row.sample) > tuple_(*after))
    rows = session.execute(query.order_by(row.problem_id, row.sample).limit(limit)).all()
    if not rows:
        return [], None
    problems = {p.id: p for p in find_problems(session, ProblemRow.id, {one.problem_id for one in rows})}
    found = [(problems[one.problem_id], one.sample, one.answer or "") for one in rows]
    return found, (rows[-1].problem_id, rows[-1].sample)


def answers(session: Session, problem_ids: Sequence[str]) -> dict[str, list[str]]:
    """The answers of all ended attempts at problems, by problem, in the order of jobs and samples."""
    row = AnnotationAttemptRow
    jobs = select(AnnotationJobRow.id).scalar_subquery()  # the index of attempts begins with the job
    ended = row.outcome.is_not(None), row.answer.is_not(None)
    query = select(row.problem_id, row.answer).where(
        row.job_id.in_(jobs), in_array(row.problem_id, problem_ids), *ended
    )
    found: dict[str, list[str]] = {}
    for problem_id, answer in session.execute(query.order_by(row.job_id, row.sample)):
        found.setdefault(problem_id, []).append(answer or "")
    return found


def summaries(session: Session) -> list[AnnotationSummary]:
    """Each job in figures, the first one first. Reads the indexes of attempts, requests and problems."""
    jobs = session.scalars(select(AnnotationJobRow).order_by(AnnotationJobRow.id)).all()
    return [_summary(session, job) for job in jobs]


def findings(session: Session, job_id: int, verdict: QuestionVerdict | None, limit: int) -> list[QuestionFinding]:
    """What a job found about problems, of one verdict or of all, with what they cost."""
    row = AnnotationQuestionRow
    query = select(row).where(row.job_id == job_id).order_by(row.verdict, row.problem_id).limit(limit)
    if verdict is not None:
        query = query.where(row.verdict == verdict)
    rows = session.scalars(query).all()
    costs = _costs(session, job_id, [one.problem_id for one in rows])
    return [
        QuestionFinding(
            one.problem_id,
            QuestionVerdict(one.verdict),
            one.verified,
            one.proposed,
            one.agreeing,
            costs.get(one.problem_id, Amount()),
        )
        for one in rows
    ]


def batches_under_way(session: Session, job_id: int) -> dict[str, list[Reservation]]:
    """The requests of batches that are not settled, by the key of the batch."""
    row = AnnotationRequestRow
    query = select(row).where(row.job_id == job_id, row.status == RequestStatus.RESERVED, row.batch.is_not(None))
    found: dict[str, list[Reservation]] = {}
    for one in session.scalars(query.order_by(row.sent_at)):
        at_most = Amount(one.reserved_microusd, one.reserved_tokens)
        found.setdefault(str(one.batch), []).append(Reservation(one.id, one.attempt_id, one.turn, at_most, one.batch))
    return found


def _summary(session: Session, row: AnnotationJobRow) -> AnnotationSummary:
    attempt, question, request = AnnotationAttemptRow, AnnotationQuestionRow, AnnotationRequestRow
    of_job = attempt.job_id == row.id
    outcomes = select(attempt.outcome, func.count(), func.count(attempt.failure), func.sum(attempt.kept))
    counts = session.execute(outcomes.where(of_job).group_by(attempt.outcome)).all()
    verdicts = select(question.verdict, func.count()).where(question.job_id == row.id).group_by(question.verdict)
    statuses = select(request.status, func.count()).where(request.job_id == row.id).group_by(request.status)
    return AnnotationSummary(
        job_record(row),
        {OPEN if outcome is None else outcome.value: number for outcome, number, _, _ in counts},
        sum(failed for _, _, failed, _ in counts),
        sum(int(kept) for _, _, _, kept in counts),
        dict(session.execute(verdicts).all()),
        dict(session.execute(statuses).all()),
    )


def _costs(session: Session, job_id: int, problem_ids: list[str]) -> dict[str, Amount]:
    row = AnnotationAttemptRow
    sums = select(row.problem_id, func.sum(row.spent_microusd), func.sum(row.spent_tokens))
    query = sums.where(row.job_id == job_id, in_array(row.problem_id, problem_ids)).group_by(row.problem_id)
    return {problem_id: Amount(int(money), int(tokens)) for problem_id, money, tokens in session.execute(query)}
