"""Evaluations: a policy's attempts at a benchmark, and the figures that came of them."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store.among import among
from store.errors import NothingToScheduleError, StoreError, UnknownRecordError
from store.models import AssignmentRow, EvaluationMetricRow, EvaluationRow, ProblemRow, RolloutRow
from store.policies import require_policy
from store.problems import BATCH
from store.records import Evaluation, Outcome, Sampling, Split
from store.scheduling import schedule_evaluation


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """An evaluation that was scheduled: `samples` attempts at each problem. `finished`: its figures are in."""

    id: int
    policy_version: int
    benchmark: str
    samples: int
    sampling: Sampling
    finished: bool


class SampledAnswer(NamedTuple):
    """One attempt of an evaluation: what became of it, and the answer as the policy wrote it."""

    outcome: Outcome
    answer: str | None


def open_evaluation(
    session: Session,
    policy_version: int,
    benchmark: str,
    samples: int,
    sampling: Sampling,
    problem_ids: Sequence[str] | None,
    split: Split,
    limit: int | None,
    now: float,
) -> int:
    """Schedules an evaluation and returns its id; the same one again is found, not repeated.

    Other problems make another evaluation: figures over different problems are never taken for each other.

    Raises:
        UnknownPolicyError: the policy was never published.
        UnknownRecordError: a problem id that is not in the store.
        NothingToScheduleError: no problems at all.
    """
    require_policy(session, policy_version)
    chosen = _chosen(session, problem_ids, split, limit)
    if not chosen:
        raise NothingToScheduleError(f"there are no problems in the store for the benchmark {benchmark!r}")
    what = {
        "policy_version": policy_version,
        "benchmark": benchmark,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "samples": samples,
        "problems_key": _problems_key(chosen),
    }
    row = session.scalar(select(EvaluationRow).filter_by(**what))
    if row is None:
        row = EvaluationRow(**what, created_at=now)
        session.add(row)
        session.flush()
        schedule_evaluation(session, row, chosen, sampling)
    return row.id


def finish_evaluation(session: Session, evaluation_id: int, metrics: Mapping[str, float], n: int, now: float) -> None:
    """Stores the figures over `n` problems; finishing again replaces them.

    Raises:
        StoreError: a figure that is not a finite number.
    """
    row = require_evaluation(session, evaluation_id)
    for metric, value in metrics.items():
        if not math.isfinite(value):
            raise StoreError(f"evaluation {evaluation_id}: {metric} is {value}, not a number that can be kept")
    session.execute(delete(EvaluationMetricRow).where(EvaluationMetricRow.evaluation_id == evaluation_id))
    session.add_all(
        EvaluationMetricRow(evaluation_id=evaluation_id, metric=metric, value=float(value))
        for metric, value in metrics.items()
    )
    row.n, row.finished_at = n, now


def evaluations(session: Session) -> list[Evaluation]:
    """Every figure, in the order of evaluations."""
    query = select(EvaluationRow, EvaluationMetricRow).join(
        EvaluationMetricRow, EvaluationMetricRow.evaluation_id == EvaluationRow.id
    )
    query = query.order_by(EvaluationRow.policy_version, EvaluationRow.id, EvaluationMetricRow.metric)
    return [
        Evaluation(row.policy_version, row.benchmark, figure.metric, figure.value, row.n or 0)
        for row, figure in session.execute(query)
    ]


def unfinished_evaluations(session: Session) -> list[EvaluationRun]:
    """Those that a crash or a stop left without figures."""
    query = select(EvaluationRow).where(EvaluationRow.finished_at.is_(None)).order_by(EvaluationRow.id)
    return [_to_run(row) for row in session.scalars(query)]


def get_evaluation(session: Session, evaluation_id: int) -> EvaluationRun:
    """Raises `UnknownRecordError` where there is none."""
    return _to_run(require_evaluation(session, evaluation_id))


def evaluation_answers(session: Session, evaluation_id: int) -> dict[str, list[SampledAnswer]]:
    """The attempts by problem id, each list in the order of the samples."""
    require_evaluation(session, evaluation_id)
    query = (
        select(RolloutRow.problem_id, RolloutRow.outcome, RolloutRow.answer)
        .join(AssignmentRow, AssignmentRow.id == RolloutRow.assignment_id)
        .where(AssignmentRow.evaluation_id == evaluation_id)
        .order_by(AssignmentRow.id, RolloutRow.sample_index)
    )
    answers: dict[str, list[SampledAnswer]] = {}
    for problem_id, outcome, answer in session.execute(query):
        answers.setdefault(problem_id, []).append(SampledAnswer(outcome, answer))
    return answers


def benchmark_answers(session: Session, policy_version: int, benchmark: str) -> dict[str, list[SampledAnswer]]:
    """A policy's attempts at a benchmark, as last measured on each problem, by problem id."""
    query = select(EvaluationRow.id).filter_by(policy_version=policy_version, benchmark=benchmark)
    answers: dict[str, list[SampledAnswer]] = {}
    for evaluation_id in session.scalars(
        query.where(EvaluationRow.finished_at.is_not(None)).order_by(EvaluationRow.id)
    ):
        answers |= evaluation_answers(session, evaluation_id)
    return answers


def require_evaluation(session: Session, evaluation_id: int) -> EvaluationRow:
    """Raises `UnknownRecordError` where there is none."""
    row = session.get(EvaluationRow, evaluation_id)
    if row is None:
        raise UnknownRecordError(f"there is no evaluation {evaluation_id} in the store")
    return row


def _chosen(session: Session, problem_ids: Sequence[str] | None, split: Split, limit: int | None) -> Sequence[str]:
    query = select(ProblemRow.id)
    if problem_ids is None:
        # The same problems for every policy: their order is a hash's.
        query = query.where(ProblemRow.split == split).order_by(ProblemRow.shuffle_key, ProblemRow.id).limit(limit)
        return session.scalars(query).all()
    if not problem_ids:
        raise NothingToScheduleError("an evaluation needs at least one problem")
    wanted = set(problem_ids)
    found: list[tuple[int, str]] = []
    for batch in batched(sorted(wanted), BATCH):
        rows = session.execute(select(ProblemRow.shuffle_key, ProblemRow.id).where(among(ProblemRow.id, batch)))
        found += [(key, problem_id) for key, problem_id in rows]
    missing = wanted - {problem_id for _, problem_id in found}
    if missing:
        raise UnknownRecordError(f"there is no problem {min(missing)!r} in the store ({len(missing)} missing)")
    return [problem_id for _, problem_id in sorted(found)]


def _problems_key(ids: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:32]


def _to_run(row: EvaluationRow) -> EvaluationRun:
    return EvaluationRun(
        row.id,
        row.policy_version,
        row.benchmark,
        row.samples,
        Sampling(row.temperature, row.top_p),
        row.finished_at is not None,
    )
