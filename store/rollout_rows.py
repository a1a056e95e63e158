"""Rollouts as rows and back. Rows are made before the transaction that writes them: nobody waits for their packing."""

import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from store import packing
from store.dedup import dedup_key
from store.errors import InvalidRolloutError, StoreDamagedError
from store.models import RolloutRow
from store.pools import Judged
from store.records import Rollout


class PreparedRollout(NamedTuple):
    """A rollout with all that can be said of its rows without the database."""

    rollout: Rollout
    judged: Judged
    columns: dict[str, Any]
    executions: list[dict[str, Any]]


def prepare(rollout: Rollout) -> PreparedRollout:
    """Packs, and finds what tells duplicates.

    Raises:
        InvalidRolloutError: the rollout contradicts itself.
    """
    _check(rollout)
    key = dedup_key(rollout.segments, rollout.answer)
    segments = packing.segments_json(rollout.segments)
    columns = {
        "id": rollout.id,
        "problem_id": rollout.problem_id,
        "assignment_id": rollout.assignment_id,
        "purpose": rollout.purpose.value,
        "outcome": rollout.outcome.value,
        "solution_format": rollout.solution_format,
        "answer": _storable(rollout.answer),
        "dedup_key": key,
        "seed": rollout.seed,
        "policy_version": rollout.spans[-1].version if rollout.spans else None,
        "first_policy_version": rollout.spans[0].version if rollout.spans else None,
        "prompt_tokens": len(rollout.prompt_ids),
        "tokens": len(rollout.token_ids),
        "prompt_ids": packing.pack_ids(rollout.prompt_ids),
        "token_ids": packing.pack_ids(rollout.token_ids),
        "model_mask": packing.pack_mask(rollout.model_mask),
        "spans": packing.pack_spans(rollout.spans),
        "segments": packing.compress(segments),
        "seconds": rollout.seconds,
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
    return PreparedRollout(
        rollout, Judged(rollout.problem_id, rollout.purpose, rollout.outcome, key), columns, executions
    )


def restore(row: RolloutRow, executions: Sequence[tuple[str, float, bytes]]) -> Rollout:
    """The record of a row and of the (status, seconds, body) of its executions in their order.

    Raises:
        StoreDamagedError: what is stored is not what was written.
    """
    try:
        return _unpack(row, executions)
    except (zlib.error, ValueError) as error:
        raise StoreDamagedError(
            f"rollout {row.id}: what is stored of it cannot be read ({error}). Restore the store from a copy."
        ) from error


def _unpack(row: RolloutRow, executions: Sequence[tuple[str, float, bytes]]) -> Rollout:
    segments = packing.decompress(row.segments)
    return Rollout(
        id=row.id,
        problem_id=row.problem_id,
        purpose=row.purpose,
        outcome=row.outcome,
        solution_format=row.solution_format,
        prompt_ids=packing.unpack_ids(row.prompt_ids),
        token_ids=packing.unpack_ids(row.token_ids),
        model_mask=packing.unpack_mask(row.model_mask, row.tokens),
        spans=packing.unpack_spans(row.spans),
        segments=packing.unpack_segments(segments),
        executions=tuple(
            packing.unpack_execution(body, status, seconds, segments) for status, seconds, body in executions
        ),
        answer=row.answer,
        assignment_id=row.assignment_id,
        seconds=row.seconds,
        seed=row.seed,
    )


def _check(rollout: Rollout) -> None:
    tokens = len(rollout.token_ids)
    if len(rollout.model_mask) != tokens:
        raise InvalidRolloutError(
            f"rollout {rollout.id}: {len(rollout.model_mask)} mask flags for {tokens} tokens; there must be one a token"
        )
    for span in rollout.spans:
        if not 0 <= span.start <= span.end <= tokens:
            raise InvalidRolloutError(
                f"rollout {rollout.id}: the span {span.start}:{span.end} is not in its {tokens} tokens"
            )


def _storable(answer: str | None) -> str | None:
    """A policy may write anything; a text column takes neither NUL nor half a surrogate pair."""
    if answer is None:
        return None
    return answer.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
