"""Converts rollouts to rows and back.

Rows are prepared before the transaction that writes them, so that no other writer waits while they are packed.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from store.database.tables import RolloutRow
from store.errors import InvalidRolloutError, StoreDamagedError
from store.records import Rollout
from store.rollouts import packing
from store.solutions.solution import Solution, preparse_candidates


class PreparedRollout(NamedTuple):
    """A rollout with everything of its rows that does not depend on the database."""

    rollout: Rollout
    solution: Solution
    columns: dict[str, Any]
    executions: list[dict[str, Any]]


def prepare(rollouts: Iterable[Rollout]) -> list[PreparedRollout]:
    """Validate and pack rollouts, and parse those that need it for deduplication.

    Raises:
        InvalidRolloutError: a rollout contradicts itself.
    """
    prepared = [_prepare(rollout) for rollout in rollouts]
    preparse_candidates((item.rollout.problem_id, item.solution) for item in prepared)
    return prepared


def _prepare(rollout: Rollout) -> PreparedRollout:
    _check(rollout)
    answer = _storable(rollout.answer)
    solution = Solution(rollout.segments, answer)
    segments = packing.segments_json(rollout.segments)
    columns = {
        "id": rollout.id,
        "problem_id": rollout.problem_id,
        "assignment_id": rollout.assignment_id,
        "purpose": rollout.purpose.value,
        "outcome": rollout.outcome.value,
        "fault": rollout.fault and rollout.fault.value,
        "support": rollout.support and rollout.support.value,
        "support_rule": rollout.support_rule,
        "solution_format": rollout.solution_format,
        "answer": answer,
        "sketch": solution.sketch,
        "seed": rollout.seed,
        "policy_version": rollout.spans[-1].version if rollout.spans else None,
        "first_policy_version": min((span.version for span in rollout.spans), default=None),
        "prompt_tokens": len(rollout.prompt_ids),
        "tokens": len(rollout.token_ids),
        "prompt_ids": packing.pack_ids(rollout.prompt_ids),
        "token_ids": packing.pack_ids(rollout.token_ids),
        "model_mask": packing.pack_mask(rollout.model_mask),
        "spans": packing.pack_spans(rollout.spans),
        "segments": packing.compress(segments),
        "logprobs": None if rollout.logprobs is None else _pack_logprobs(rollout, rollout.logprobs),
        "temperature": rollout.temperature,
        "top_p": rollout.top_p,
        "seconds": rollout.seconds,
        "generate_s": rollout.generate_s,
        "execute_s": rollout.execute_s,
        "check_s": rollout.check_s,
    }
    executions = [
        {
            "position": position,
            "status": execution.status,
            "seconds": execution.seconds,
            "body": packing.pack_execution(execution, segments),
        }
        for position, execution in enumerate(rollout.executions)
    ]
    return PreparedRollout(rollout, solution, columns, executions)


def rollout_from_row(
    row: RolloutRow, executions: Sequence[tuple[str, float, bytes]], engine_build: str | None
) -> Rollout:
    """The record of a row, the (status, seconds, body) of its executions, in order, and the build of its engine.

    Raises:
        StoreDamagedError: the stored bytes are corrupted.
    """
    with translated_damage(row.id):
        return _unpack(row, executions, engine_build)


def solution_from_columns(rollout_id: str, segments: bytes, answer: str | None) -> Solution:
    """The solution of a rollout, from its columns.

    Raises:
        StoreDamagedError: the stored bytes are corrupted.
    """
    with translated_damage(rollout_id):
        return Solution(packing.unpack_segments(packing.decompress(segments)), answer)


@contextmanager
def translated_damage(rollout_id: str) -> Iterator[None]:
    """Raise `StoreDamagedError` for stored bytes of a rollout that cannot be unpacked."""
    try:
        yield
    except (zlib.error, ValueError) as error:
        raise StoreDamagedError(
            f"rollout {rollout_id}: its stored bytes are corrupted ({error}). Restore the store from a copy."
        ) from error


def _unpack(row: RolloutRow, executions: Sequence[tuple[str, float, bytes]], engine_build: str | None) -> Rollout:
    segments = packing.decompress(row.segments)
    model_mask = packing.unpack_mask(row.model_mask, row.tokens)
    return Rollout(
        id=row.id,
        problem_id=row.problem_id,
        purpose=row.purpose,
        outcome=row.outcome,
        solution_format=row.solution_format,
        prompt_ids=packing.unpack_ids(row.prompt_ids),
        token_ids=packing.unpack_ids(row.token_ids),
        model_mask=model_mask,
        spans=packing.unpack_spans(row.spans),
        segments=packing.unpack_segments(segments),
        executions=tuple(
            packing.unpack_execution(body, status, seconds, segments) for status, seconds, body in executions
        ),
        answer=row.answer,
        assignment_id=row.assignment_id,
        seconds=row.seconds,
        seed=row.seed,
        fault=row.fault,
        support=row.support,
        support_rule=row.support_rule,
        logprobs=None if row.logprobs is None else packing.unpack_logprobs(row.logprobs, model_mask),
        temperature=row.temperature,
        top_p=row.top_p,
        engine_build=engine_build,
        generate_s=row.generate_s,
        execute_s=row.execute_s,
        check_s=row.check_s,
        lag=row.lag,
    )


def _check(rollout: Rollout) -> None:
    tokens = len(rollout.token_ids)
    if len(rollout.model_mask) != tokens:
        raise InvalidRolloutError(
            f"rollout {rollout.id}: {len(rollout.model_mask)} mask flags for {tokens} tokens; it needs one per token"
        )
    for span in rollout.spans:
        if not 0 <= span.start <= span.end <= tokens:
            raise InvalidRolloutError(
                f"rollout {rollout.id}: the span {span.start}:{span.end} is outside its {tokens} tokens"
            )


def _pack_logprobs(rollout: Rollout, logprobs: tuple[float, ...]) -> bytes:
    if len(logprobs) != len(rollout.token_ids):
        raise InvalidRolloutError(
            f"rollout {rollout.id}: {len(logprobs)} log-probabilities for {len(rollout.token_ids)} tokens; it needs "
            "one per token"
        )
    try:
        return packing.pack_logprobs(logprobs, rollout.model_mask)
    except ValueError as error:
        raise InvalidRolloutError(f"rollout {rollout.id}: {error}") from error


def _storable(answer: str | None) -> str | None:
    """The answer without NUL and unpaired surrogates, which policies may write but text columns reject."""
    if answer is None:
        return None
    return answer.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
