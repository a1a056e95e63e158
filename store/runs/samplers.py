"""The samplers of a run, as each reports of itself: its state, the policy in its engine, its last progress."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from store.database.database import StorePart
from store.database.retry import retrying
from store.database.tables import SamplerRow, table


class SamplerState(StrEnum):
    """What a sampler does."""

    STARTING = "starting"
    SAMPLING = "sampling"
    IDLE = "idle"
    LOADING = "loading"
    """It samples with the policy that it holds, while it prefetches another one, or swaps it in."""
    WAITING = "waiting"
    """It waits for a part that does not answer, such as the store."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class SamplerStatus:
    """A sampler's latest report. Times are Unix seconds; `policy_version` is None before its engine has started.

    `starts` counts its processes, from 1. `progress_at` is the last sign of progress: a token, a rollout, a change of
    state. `reported_at` is the last sign of life.
    """

    name: str
    state: SamplerState
    detail: str | None
    policy_version: int | None
    host: str | None
    starts: int
    since: float
    reported_at: float
    progress_at: float


@retrying
class Samplers(StorePart):
    """The samplers of a run by name."""

    def register(self, name: str, host: str) -> int:
        """Report that the process of a sampler has started; returns how many have, this one included."""
        with self._write() as session:
            now = self._now()
            row = _own_row(session, name, now)
            row.starts += 1
            row.state, row.detail, row.policy_version, row.host = SamplerState.STARTING.value, None, None, host
            row.since = row.reported_at = row.progress_at = now
            return row.starts

    def report(
        self, name: str, state: SamplerState, policy_version: int | None, detail: str | None = None, *, progressed: bool
    ) -> None:
        """Report the state of a sampler; one that was never registered, or was removed, is ignored."""
        with self._write() as session:
            row = session.get(SamplerRow, name, with_for_update=True)
            if row is None:
                return
            row.reported_at = self._now()
            if progressed or row.state != state.value:
                row.progress_at = row.reported_at
            if row.state != state.value:
                row.state, row.since = state.value, row.reported_at
            row.detail = detail
            row.policy_version = policy_version

    def remove(self, name: str) -> None:
        """Forget a sampler that was taken from the run."""
        with self._write() as session:
            session.execute(delete(SamplerRow).where(SamplerRow.name == name))

    def clear(self) -> None:
        """Forget all samplers."""
        with self._write() as session:
            session.execute(delete(SamplerRow))

    def all(self) -> list[SamplerStatus]:
        """The latest report of each sampler, by name."""
        with self._read() as session:
            rows = session.scalars(select(SamplerRow)).all()
        statuses = [
            SamplerStatus(
                row.name,
                SamplerState(row.state),
                row.detail,
                row.policy_version,
                row.host,
                row.starts,
                row.since,
                row.reported_at,
                row.progress_at,
            )
            for row in rows
        ]
        return sorted(statuses, key=lambda status: (len(status.name), status.name))


def _own_row(session: Session, name: str, now: float) -> SamplerRow:
    """The row of a sampler, inserted if it is missing, and locked."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    first = {"name": name, "state": SamplerState.STARTING.value, "starts": 0}
    first |= dict.fromkeys(("since", "reported_at", "progress_at"), now)
    session.execute(dialect.insert(table(SamplerRow)).values(first).on_conflict_do_nothing())
    return session.scalars(select(SamplerRow).where(SamplerRow.name == name).with_for_update()).one()
