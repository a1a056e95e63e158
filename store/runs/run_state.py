"""The state of a run: desired, actual, and where it can resume."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from store.database.tables import RunStateRow, table


class DesiredState(StrEnum):
    """The state that the command line requests."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class ActualState(StrEnum):
    """The state that the driver reports. `new`: no driver has run yet."""

    NEW = "new"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunState:
    """The state of a run.

    `heartbeat_at` is when the driver last reported, in Unix seconds: if it is old while `actual` is `running`, the
    driver has died, or cannot write. `activity` is what the driver does or waits for, since `activity_since`. The
    targets are the numbers of iterations and samplers that were asked for; None: those of the configuration.
    """

    desired: DesiredState
    actual: ActualState
    iteration: int | None
    checkpoint: str | None
    heartbeat_at: float | None
    target_iterations: int | None = None
    target_samplers: int | None = None
    activity: str | None = None
    activity_since: float | None = None


def state_row(session: Session, *, lock: bool = False) -> RunStateRow:
    """The only row of the table, inserted if it is missing."""
    query = select(RunStateRow)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        first = {"id": 1, "desired": DesiredState.RUNNING.value, "actual": ActualState.NEW.value, "last_version": 0}
        session.execute(dialect.insert(table(RunStateRow)).values(first).on_conflict_do_nothing())
        row = session.scalars(query.with_for_update()).one()
    return row
