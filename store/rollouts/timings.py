"""When each rollout was written, and what took how long: what a simulation of the loop is fed with."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import ExecutionRow, RolloutRow
from store.records import Purpose
from store.rollouts import packing


@dataclass(frozen=True, slots=True)
class Timing:
    """The course of one rollout in numbers. Seconds as in `store.records.Rollout`; `written_at` is in Unix seconds.

    `turns` are the tokens that the policy sampled between outputs, `output_tokens` those of the outputs, `block_s` the
    seconds of the blocks.
    """

    purpose: Purpose
    iteration: int | None
    policy_version: int | None
    prompt_tokens: int
    turns: tuple[int, ...]
    output_tokens: tuple[int, ...]
    block_s: tuple[float, ...]
    seconds: float
    generate_s: float | None
    check_s: float | None
    written_at: float


_COLUMNS = (
    RolloutRow.seq,
    RolloutRow.purpose,
    RolloutRow.iteration,
    RolloutRow.policy_version,
    RolloutRow.prompt_tokens,
    RolloutRow.tokens,
    RolloutRow.model_mask,
    RolloutRow.seconds,
    RolloutRow.generate_s,
    RolloutRow.check_s,
    RolloutRow.created_at,
)


def read_timings(session: Session) -> list[Timing]:
    """The courses of all rollouts that were sampled, in the order in which they were written."""
    query = select(*_COLUMNS).where(RolloutRow.assignment_id.is_not(None)).order_by(RolloutRow.seq)
    timings: list[Timing] = []
    for rows in session.execute(query.execution_options(yield_per=BATCH)).partitions(BATCH):
        blocks = _block_seconds(session, [row.seq for row in rows])
        timings += [_timing(row, blocks.get(row.seq, ())) for row in rows]
    return timings


def _block_seconds(session: Session, seqs: Sequence[int]) -> dict[int, tuple[float, ...]]:
    query = select(ExecutionRow.rollout_seq, ExecutionRow.seconds).where(in_array(ExecutionRow.rollout_seq, seqs))
    rows = session.execute(query.order_by(ExecutionRow.rollout_seq, ExecutionRow.position)).all()
    return {seq: tuple(seconds for _, seconds in group) for seq, group in groupby(rows, key=lambda row: row[0])}


def _timing(row: Any, block_s: tuple[float, ...]) -> Timing:
    mask = packing.unpack_mask(row.model_mask, row.tokens)
    runs = [(by_policy, sum(1 for _ in run)) for by_policy, run in groupby(mask)]
    return Timing(
        purpose=row.purpose,
        iteration=row.iteration,
        policy_version=row.policy_version,
        prompt_tokens=row.prompt_tokens,
        turns=tuple(length for by_policy, length in runs if by_policy),
        output_tokens=tuple(length for by_policy, length in runs if not by_policy),
        block_s=block_s,
        seconds=row.seconds,
        generate_s=row.generate_s,
        check_s=row.check_s,
        written_at=row.created_at,
    )
