"""The run that a store belongs to: control, heartbeat, and statistics."""

from sqlalchemy import select

from store.database.database import StorePart
from store.database.retry import retrying
from store.database.tables import RunStateRow
from store.runs.run_state import ActualState, DesiredState, RunState, state_row
from store.runs.statistics import StoreStatistics, read_statistics


@retrying
class Run(StorePart):
    """Control and state of the run that the store belongs to."""

    def set_desired(self, desired: DesiredState | str) -> None:
        """Request that the driver runs, pauses or stops."""
        value = DesiredState(desired).value
        with self._write() as session:
            state_row(session, lock=True).desired = value

    def desired(self) -> DesiredState:
        """The requested state."""
        return self.state().desired

    def set_actual(
        self, actual: ActualState | str, *, iteration: int | None = None, checkpoint: str | None = None
    ) -> None:
        """Report the driver's state, with a heartbeat. An iteration or checkpoint that is not given stays unchanged."""
        value = ActualState(actual).value
        with self._write() as session:
            row = state_row(session, lock=True)
            row.actual, row.heartbeat_at = value, self._now()
            if iteration is not None:
                row.iteration = iteration
            if checkpoint is not None:
                row.checkpoint = self._database.paths.to_stored(checkpoint)

    def heartbeat(self, activity: str | None = None) -> None:
        """Record that the driver is alive, and what it does or waits for."""
        with self._write() as session:
            row = state_row(session, lock=True)
            row.heartbeat_at = self._now()
            if row.activity != activity:
                row.activity, row.activity_since = activity, row.heartbeat_at

    def set_targets(self, *, iterations: int | None = None, samplers: int | None = None) -> None:
        """Set how many iterations, or samplers, the run is to have. What is not given stays unchanged."""
        with self._write() as session:
            row = state_row(session, lock=True)
            row.target_iterations = row.target_iterations if iterations is None else iterations
            row.target_samplers = row.target_samplers if samplers is None else samplers

    def state(self) -> RunState:
        """The state of the run. Before any driver has run: desired `running`, actual `new`."""
        with self._read() as session:
            row = session.scalar(select(RunStateRow))
            if row is None:
                return RunState(DesiredState.RUNNING, ActualState.NEW, None, None, None)
            return RunState(
                desired=DesiredState(row.desired),
                actual=ActualState(row.actual),
                iteration=row.iteration,
                checkpoint=None if row.checkpoint is None else self._database.paths.from_stored(row.checkpoint),
                heartbeat_at=row.heartbeat_at,
                target_iterations=row.target_iterations,
                target_samplers=row.target_samplers,
                activity=row.activity,
                activity_since=row.activity_since,
            )

    def statistics(self) -> StoreStatistics:
        """Counts of problems, rollouts, executions and iterations."""
        with self._read() as session:
            return read_statistics(session)
