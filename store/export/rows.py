"""The rows of an export without a layout: their columns, the row of a rollout, and reading rollouts page by page."""

import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.tables import AssignmentRow, ProblemRow, RolloutRow, TrainingSetRolloutRow
from store.export.settings import ExportSettings, Messages
from store.problems.queries import find_problems
from store.records import Problem, Rollout, Split
from store.rollouts.excluded import is_excluded
from store.rollouts.reading import load_rollouts

type Column = tuple[str, pa.DataType, str]
"""(name, type, description)."""

MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])
"""A message of a conversation in which code and its output are text."""

_SEGMENT = pa.struct([("kind", pa.string()), ("text", pa.string())])
_EXECUTION = pa.struct([("status", pa.string()), ("seconds", pa.float64())])
_COLUMNS = (
    ("id", pa.string(), "the rollout's id in the store"),
    ("problem_id", pa.string(), "the problem's id"),
    ("question", pa.string(), "the problem"),
    ("answer", pa.string(), "its reference answer"),
    ("messages", pa.list_(MESSAGE), "system, user and assistant, for supervised fine-tuning"),
    ("final_answer", pa.string(), "the rollout's answer"),
    (
        "outcome",
        pa.string(),
        "accepted, wrong, no_answer, truncated, repetitive, unparsable, undecided or unverifiable",
    ),
    ("support", pa.string(), "supported, unsupported or no_code: whether an accepted answer follows from the code"),
    ("support_rule", pa.string(), "the rule that decided it"),
    ("segments", pa.list_(_SEGMENT), "the solution's parts: text, code, output, answer"),
    ("executions", pa.list_(_EXECUTION), "the status of each code block, and its seconds"),
    ("solution_format", pa.string(), "the format of code and answers"),
    ("source", pa.string(), "the source of the problem"),
    ("subject", pa.string(), "the problem's subject, where known"),
    ("level", pa.string(), "its difficulty, where known"),
    ("purpose", pa.string(), "train, eval, or demonstration: written by a teacher"),
    ("policy_version", pa.int64(), "the newest policy that wrote a part of it"),
    ("iteration", pa.int64(), "the iteration that it was sampled in"),
    ("training_sets", pa.list_(pa.int64()), "the training sets that contain it"),
    ("lag", pa.int64(), "iterations between its oldest policy and the one that its iteration trains further"),
    ("temperature", pa.float64(), "the sampling temperature"),
    ("top_p", pa.float64(), "the sampling top_p"),
    ("seed", pa.int64(), "the sampling seed, if it had one of its own"),
    ("engine_build", pa.string(), "the build of the engine that sampled it"),
    ("seconds", pa.float64(), "from the start of the attempt to its verdict"),
    ("generate_s", pa.float64(), "of these in the engine"),
    ("execute_s", pa.float64(), "of these in its code blocks"),
    ("check_s", pa.float64(), "of these in the answer checker"),
    ("tokens", pa.int64(), "the number of tokens after the prompt"),
)
_TOKEN_COLUMNS = (
    ("prompt_ids", pa.list_(pa.int64()), "the prompt as the policy read it"),
    ("token_ids", pa.list_(pa.int64()), "the tokens after the prompt, interpreter output included"),
    ("model_mask", pa.list_(pa.bool_()), "which of these the policy wrote"),
    ("logprobs", pa.list_(pa.float32()), "their log-probabilities [nats] as sampled; null for those of others"),
)


def rollout_columns(settings: ExportSettings) -> tuple[Column, ...]:
    """The columns of rollouts, in order."""
    return _COLUMNS + (_TOKEN_COLUMNS if settings.token_ids else ())


def count_rows(session: Session, settings: ExportSettings, split: Split, until: int) -> int:
    """The number of rollouts of a split that will be exported."""
    query = _filter(select(func.count()).select_from(RolloutRow), settings, split)
    return session.scalar(query.where(RolloutRow.seq <= until)) or 0


def last_seq(session: Session) -> int:
    """The number of the newest rollout; an export that is continued later does not go beyond it."""
    return session.scalar(select(func.max(RolloutRow.seq))) or 0


def read_page(
    session: Session, settings: ExportSettings, split: Split, after: int, until: int, messages: Messages, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """(up to `limit` rows after the rollout `after`, the number of the last one), in the order of writing."""
    query = _filter(select(RolloutRow), settings, split).where(RolloutRow.seq > after, RolloutRow.seq <= until)
    found = session.scalars(query.order_by(RolloutRow.seq).limit(limit)).all()
    if not found:
        return [], after
    ids = {row.problem_id for row in found}
    problems = {problem.id: problem for problem in find_problems(session, ProblemRow.id, ids)}
    samplings = _samplings(session, {row.assignment_id for row in found if row.assignment_id is not None})
    sets = _training_sets(session, [row.seq for row in found])
    rows = []
    for row, rollout in zip(found, load_rollouts(session, found), strict=True):
        problem = problems[row.problem_id]
        temperature, top_p = samplings.get(row.assignment_id or 0, (None, None))
        whole = _row(problem, rollout, messages(problem, rollout)) | {
            "policy_version": row.policy_version,
            "iteration": row.iteration,
            "training_sets": sets.get(row.seq, []),
            "temperature": temperature if rollout.temperature is None else rollout.temperature,
            "top_p": top_p if rollout.top_p is None else rollout.top_p,
        }
        rows.append(whole)
    return rows, found[-1].seq


def _filter(query: Select[Any], settings: ExportSettings, split: Split) -> Select[Any]:
    query = query.join(ProblemRow, ProblemRow.id == RolloutRow.problem_id).where(ProblemRow.split == split)
    filters: tuple[tuple[ColumnElement[Any], Sequence[Any]], ...] = (
        (RolloutRow.outcome.expression, settings.outcomes),
        (RolloutRow.support.expression, settings.supports),
        (RolloutRow.purpose.expression, settings.purposes),
        (RolloutRow.policy_version.expression, settings.policy_versions),
        (RolloutRow.iteration.expression, settings.iterations),
    )
    for column, values in filters:
        if values:
            query = query.where(column.in_(values))
    if settings.distinct:
        query = query.where(RolloutRow.place.is_not(None))
    if settings.training_set is None:
        query = query.where(~is_excluded())
    else:
        members = select(TrainingSetRolloutRow.rollout_seq)
        query = query.where(
            RolloutRow.seq.in_(members.where(TrainingSetRolloutRow.training_set_id == settings.training_set))
        )
    return query


def _samplings(session: Session, ids: set[int]) -> dict[int, tuple[float, float]]:
    query = select(AssignmentRow.id, AssignmentRow.temperature, AssignmentRow.top_p).where(
        in_array(AssignmentRow.id, ids)
    )
    return {number: (temperature, top_p) for number, temperature, top_p in session.execute(query)}


def _training_sets(session: Session, seqs: Sequence[int]) -> dict[int, list[int]]:
    columns = TrainingSetRolloutRow.rollout_seq, TrainingSetRolloutRow.training_set_id
    query = select(*columns).where(in_array(TrainingSetRolloutRow.rollout_seq, seqs)).distinct().order_by(*columns)
    sets: dict[int, list[int]] = {}
    for seq, training_set in session.execute(query):
        sets.setdefault(seq, []).append(training_set)
    return sets


def _row(problem: Problem, rollout: Rollout, messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": rollout.id,
        "problem_id": problem.id,
        "question": problem.question,
        "answer": problem.answer,
        "messages": messages,
        "final_answer": rollout.answer,
        "outcome": rollout.outcome.value,
        "support": rollout.support and rollout.support.value,
        "support_rule": rollout.support_rule,
        "segments": [{"kind": segment.kind.value, "text": segment.text} for segment in rollout.segments],
        "executions": [{"status": block.status, "seconds": block.seconds} for block in rollout.executions],
        "solution_format": rollout.solution_format,
        "source": problem.source,
        "subject": problem.subject,
        "level": problem.level,
        "purpose": rollout.purpose.value,
        "lag": rollout.lag,
        "seed": rollout.seed,
        "engine_build": rollout.engine_build,
        "seconds": rollout.seconds,
        "generate_s": rollout.generate_s,
        "execute_s": rollout.execute_s,
        "check_s": rollout.check_s,
        "tokens": len(rollout.token_ids),
        "prompt_ids": list(rollout.prompt_ids),
        "token_ids": list(rollout.token_ids),
        "model_mask": list(rollout.model_mask),
        "logprobs": rollout.logprobs and [None if math.isnan(value) else value for value in rollout.logprobs],
    }


def encodable(value: Any) -> Any:
    """The value without unpaired surrogates, which policies may write but no encoding accepts."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case dict():
            return {key: encodable(part) for key, part in value.items()}
        case [dict() | str(), *_]:
            return [encodable(part) for part in value]
    return value
