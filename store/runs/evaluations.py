"""The store's evaluations: a policy's attempts at a benchmark, and the figures computed from them."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import batched
from typing import Any, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.database import StorePart
from store.database.retry import retrying
from store.database.tables import AssignmentRow, EvaluationMetricRow, EvaluationRow, ProblemRow, RolloutRow
from store.errors import NothingToScheduleError, StoreError, UnknownRecordError
from store.records import Outcome, Purpose, Sampling, Split
from store.rollouts.assignments import assign, progress
from store.runs.costs import AttemptCost, read_cost
from store.runs.figures import Evaluation, Figure, Measured
from store.runs.policies import require_policy


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """A scheduled evaluation: `samples` attempts at each problem. `finished`: its figures are stored."""

    id: int
    policy_version: int
    benchmark: str
    samples: int
    sampling: Sampling
    finished: bool


class SampledAnswer(NamedTuple):
    """One attempt of an evaluation: its outcome, and the answer as the policy wrote it."""

    outcome: Outcome
    answer: str | None


@retrying
class Evaluations(StorePart):
    """Evaluations of policies: scheduled like iterations, sampled by the same samplers, finished with figures."""

    def schedule(
        self,
        policy_version: int,
        benchmark: str,
        *,
        samples: int = 1,
        sampling: Sampling,
        problem_ids: Sequence[str] | None = None,
        split: Split = Split.HELDOUT,
        limit: int | None = None,
    ) -> int:
        """Schedule an evaluation on the given problems, or on `limit` of a split (the same for every policy).

        An evaluation of the same policy, benchmark, sampling, samples and problems is continued and not repeated. With
        other problems it is a new one, so that figures over different problems are never mixed. If it has all problems
        of an earlier one and more, it extends that: only the further problems are scheduled, and the attempts of the
        earlier one are part of it.

        Returns:
            The id of the evaluation.

        Raises:
            UnknownPolicyError: the policy was never published.
            UnknownRecordError: a problem id that is not in the store.
            NothingToScheduleError: no problems at all.
        """
        with self._write() as session:
            require_policy(session, policy_version)
            chosen = _chosen(session, problem_ids, split, limit)
            if not chosen:
                raise NothingToScheduleError(f"there are no problems in the store for the benchmark {benchmark!r}")
            key = {
                "policy_version": policy_version,
                "benchmark": benchmark,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "samples": samples,
                "problems_key": _problems_key(chosen),
            }
            row = session.scalar(select(EvaluationRow).filter_by(**key))
            if row is None:
                extended, attempted = _largest_part(session, key, frozenset(chosen))
                row = EvaluationRow(**key, extends=extended, created_at=self._now())
                session.add(row)
                session.flush()
                further = [problem for problem in chosen if problem not in attempted]
                assign(session, further, Purpose.EVAL, samples, sampling, evaluation_id=row.id)
            return row.id

    def progress(self, evaluation_id: int) -> tuple[int, int]:
        """(done, scheduled) rollouts of an evaluation, those of the ones that it extends included."""
        with self._read() as session:
            return progress(session, AssignmentRow.evaluation_id.in_(evaluation_parts(session, evaluation_id)))

    def get(self, evaluation_id: int) -> EvaluationRun:
        """The evaluation with this id. Raises `UnknownRecordError` if there is none."""
        with self._read() as session:
            return _to_run(_require_evaluation(session, evaluation_id))

    def unfinished(self) -> list[EvaluationRun]:
        """Evaluations without figures, for example after a crash or a stop."""
        query = select(EvaluationRow).where(EvaluationRow.finished_at.is_(None)).order_by(EvaluationRow.id)
        with self._read() as session:
            return [_to_run(row) for row in session.scalars(query)]

    def sampled(self, policy_version: int | None = None) -> list[EvaluationRun]:
        """Finished evaluations with several attempts per problem, of a policy or of all, the latest first."""
        query = select(EvaluationRow).where(EvaluationRow.samples > 1, EvaluationRow.finished_at.is_not(None))
        if policy_version is not None:
            query = query.filter_by(policy_version=policy_version)
        with self._read() as session:
            return [_to_run(row) for row in session.scalars(query.order_by(EvaluationRow.id.desc()))]

    def answers(self, evaluation_id: int) -> dict[str, list[SampledAnswer]]:
        """The attempts by problem id, each list in the order of the samples."""
        with self._read() as session:
            return _read_answers(session, evaluation_parts(session, evaluation_id))

    def benchmark_answers(self, policy_version: int, benchmark: str) -> dict[str, list[SampledAnswer]]:
        """The attempts of a policy at a benchmark by problem id; those of the latest finished evaluation of each."""
        query = select(EvaluationRow.id).filter_by(policy_version=policy_version, benchmark=benchmark)
        query = query.where(EvaluationRow.finished_at.is_not(None)).order_by(EvaluationRow.id)
        answers: dict[str, list[SampledAnswer]] = {}
        with self._read() as session:
            parts = {
                part for evaluation_id in session.scalars(query) for part in evaluation_parts(session, evaluation_id)
            }
            for part in sorted(parts):
                answers |= _read_answers(session, [part])
        return answers

    def finish(self, evaluation_id: int, measured: Measured) -> None:
        """Store the figures; finishing again replaces them.

        Raises:
            UnknownRecordError: there is no such evaluation.
            StoreError: a figure is not a finite number.
        """
        for metric, figure in measured.figures.items():
            _require_finite(evaluation_id, metric, figure)
        with self._write() as session:
            row = _require_evaluation(session, evaluation_id)
            session.execute(delete(EvaluationMetricRow).where(EvaluationMetricRow.evaluation_id == evaluation_id))
            session.add_all(
                EvaluationMetricRow(evaluation_id=evaluation_id, metric=metric, **asdict(figure))
                for metric, figure in measured.figures.items()
            )
            row.n = max((figure.n for figure in measured.figures.values()), default=0)
            row.undecided, row.unverifiable = measured.undecided, measured.unverifiable
            row.finished_at = self._now()

    def measured(self, evaluation_id: int) -> Measured | None:
        """The figures of an evaluation, None if it is not finished. Raises `UnknownRecordError` if there is none."""
        query = select(EvaluationMetricRow).where(EvaluationMetricRow.evaluation_id == evaluation_id)
        with self._read() as session:
            row = _require_evaluation(session, evaluation_id)
            if row.finished_at is None:
                return None
            found = {one.metric: _to_evaluation(row, one).figure for one in session.scalars(query)}
            return Measured(found, row.undecided or 0, row.unverifiable or 0)

    def cost(self, evaluation_id: int) -> AttemptCost:
        """What the attempts of an evaluation cost, those of the ones that it extends included."""
        with self._read() as session:
            return read_cost(session, evaluation_parts(session, evaluation_id))

    def figures(self) -> list[Evaluation]:
        """Every figure of every evaluation, by policy version."""
        query = select(EvaluationRow, EvaluationMetricRow).join(
            EvaluationMetricRow, EvaluationMetricRow.evaluation_id == EvaluationRow.id
        )
        query = query.order_by(EvaluationRow.policy_version, EvaluationRow.id, EvaluationMetricRow.metric)
        with self._read() as session:
            return [_to_evaluation(row, figure) for row, figure in session.execute(query)]


def _require_finite(evaluation_id: int, metric: str, figure: Figure) -> None:
    for name, number in asdict(figure).items():
        if number is not None and not math.isfinite(number):
            what = metric if name == "value" else f"{name} of {metric}"
            raise StoreError(f"evaluation {evaluation_id}: {what} is {number}, not a finite number")


def _to_evaluation(row: EvaluationRow, stored: EvaluationMetricRow) -> Evaluation:
    n = (row.n or 0) if stored.n is None else stored.n
    figure = Figure(stored.value, n, stored.standard_error, stored.low, stored.high, stored.missing)
    return Evaluation(row.policy_version, row.benchmark, stored.metric, figure, row.undecided, row.unverifiable)


def evaluation_parts(session: Session, evaluation_id: int) -> list[int]:
    """An evaluation and those that it extends, directly or not. Raises `UnknownRecordError` if there is none."""
    parts = [_require_evaluation(session, evaluation_id)]
    while (extended := parts[-1].extends) is not None:
        parts.append(_require_evaluation(session, extended))
    return [part.id for part in parts]


def _largest_part(session: Session, key: Mapping[str, Any], problems: frozenset[str]) -> tuple[int | None, set[str]]:
    """The evaluation of the same kind with the most problems of which each is among `problems`, and its problems."""
    same = {name: value for name, value in key.items() if name != "problems_key"}
    found: tuple[int | None, set[str]] = None, set()
    for evaluation_id in session.scalars(select(EvaluationRow.id).filter_by(**same).order_by(EvaluationRow.id)):
        of_parts = AssignmentRow.evaluation_id.in_(evaluation_parts(session, evaluation_id))
        attempted = set(session.scalars(select(AssignmentRow.problem_id).where(of_parts)))
        if len(attempted) > len(found[1]) and attempted <= problems:
            found = evaluation_id, attempted
    return found


def _read_answers(session: Session, evaluation_ids: Sequence[int]) -> dict[str, list[SampledAnswer]]:
    query = (
        select(RolloutRow.problem_id, RolloutRow.outcome, RolloutRow.answer)
        .join(AssignmentRow, AssignmentRow.id == RolloutRow.assignment_id)
        .where(AssignmentRow.evaluation_id.in_(evaluation_ids))
        .order_by(AssignmentRow.id, RolloutRow.sample_index)
    )
    answers: dict[str, list[SampledAnswer]] = {}
    for problem_id, outcome, answer in session.execute(query):
        answers.setdefault(problem_id, []).append(SampledAnswer(outcome, answer))
    return answers


def _require_evaluation(session: Session, evaluation_id: int) -> EvaluationRow:
    row = session.get(EvaluationRow, evaluation_id)
    if row is None:
        raise UnknownRecordError(f"there is no evaluation {evaluation_id} in the store")
    return row


def _chosen(session: Session, problem_ids: Sequence[str] | None, split: Split, limit: int | None) -> Sequence[str]:
    query = select(ProblemRow.id)
    if problem_ids is None:
        # The order is that of a hash, so that every policy gets the same problems.
        query = query.where(ProblemRow.split == split).order_by(ProblemRow.shuffle_key, ProblemRow.id).limit(limit)
        return session.scalars(query).all()
    if not problem_ids:
        raise NothingToScheduleError("an evaluation needs at least one problem")
    wanted = set(problem_ids)
    found: list[tuple[int, str]] = []
    for batch in batched(sorted(wanted), BATCH):
        rows = session.execute(select(ProblemRow.shuffle_key, ProblemRow.id).where(in_array(ProblemRow.id, batch)))
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
