"""The store: one database with everything that a run must not lose, and the parts that read and write it."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from store.annotation.annotations import Annotations
from store.database.database import RETRY_S, Database
from store.database.retry import retrying
from store.export.settings import ExportReport, ExportSettings, Messages
from store.feedback.feedback import Feedback
from store.labels.labels import Labels
from store.problems.problems import Problems
from store.rollouts.assignments import Assignments
from store.rollouts.rollouts import Rollouts
from store.runs import reset
from store.runs.evaluations import Evaluations
from store.runs.iterations import Iterations
from store.runs.policies import Policies
from store.runs.run import Run
from store.runs.samplers import Samplers
from store.training.training_sets import TrainingSets


@retrying
class Store:
    """A store in SQLite or PostgreSQL, opened by URL; safe to use from several threads and processes.

    It holds the parts: `problems`, `labels`, `assignments`, `rollouts`, `training_sets`, `iterations`, `policies`,
    `evaluations`, `samplers`, `run`, `feedback` and `annotations`. Pass a caller the parts that it needs.

    Each method of a part is one transaction: when it returns, what it wrote is on the disk; when it raises, nothing
    was written. Every method may raise `StoreUnreachableError` or `StoreBusyError` when the database fails. While a
    PostgreSQL server is away, methods that return (and do not stream) retry for `retry_s` seconds.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.problems = Problems(database)
        self.labels = Labels(database)
        self.assignments = Assignments(database)
        self.rollouts = Rollouts(database)
        self.training_sets = TrainingSets(database)
        self.iterations = Iterations(database)
        self.policies = Policies(database)
        self.evaluations = Evaluations(database)
        self.run = Run(database)
        self.samplers = Samplers(database)
        self.feedback = Feedback(database)
        self.annotations = Annotations(database)

    @classmethod
    def open(
        cls,
        url: str,
        create: bool = True,
        clock: Callable[[], float] = time.time,
        retry_s: float = RETRY_S,
        wait: bool = False,
    ) -> Self:
        """Open the store and bring its tables up to date; several processes may do so at once.

        Args:
            url: `sqlite:///path` or `postgresql://user@host/database`.
            create: create the tables (and the SQLite file) if there are none.
            clock: the time in Unix seconds, for leases and timestamps.
            retry_s: how long methods retry while the server is away, in seconds.
            wait: also retry the opening for `retry_s`. Interactive commands leave it False, to fail at once.

        Raises:
            StoreError: one of its subclasses, with a one-line message that says what to do.
        """
        return cls(Database.open(url, create=create, clock=clock, retry_s=retry_s, wait=wait))

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def retry_s(self) -> float:
        """How long a method retries while the database server is away, in seconds."""
        return self._database.retry_s

    @property
    def url(self) -> str:
        """The URL that opens this store from any process and working directory. Contains the password."""
        return self._database.url

    @property
    def masked_url(self) -> str:
        """The URL with secrets masked, for messages and logs."""
        return self._database.masked_url

    def is_empty(self) -> bool:
        """Whether there are neither problems nor policies, so that no run has used the store."""
        with self._database.read() as session:
            return reset.is_empty(session)

    def clear(self, *, keep_problems: bool = False) -> None:
        """Delete the rows of a run that ended before its first policy. Raises `StoreError` if there is a policy.

        With `keep_problems`, problems that were imported before the run stay, as if nobody had attempted them.
        """
        with self._database.write() as session:
            reset.clear(session, keep_problems=keep_problems)

    def export(
        self,
        target: Path,
        settings: ExportSettings,
        messages: Messages,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> ExportReport:
        """Write rollouts to a new folder as a data set, or continue an export that was interrupted.

        Args:
            target: the folder, which must not exist yet.
            settings: which rollouts, and the file format.
            messages: makes the conversation of a rollout.
            on_progress: called with (rows written, rows in total) after each file.

        Raises:
            ExportTargetError: `target` exists, cannot be written, or is being written by another process.
            NothingToExportError: no rollout matches the settings.
        """
        from store.export.folder import export  # imports pyarrow, which is slow

        return export(self._database.read, self.masked_url, target, settings, messages, on_progress)

    def release(
        self,
        target: Path,
        settings: ExportSettings,
        messages: Messages,
        licences: Mapping[str, str],
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> ExportReport:
        """Write rollouts to a new folder as a data set to publish, or continue a release that was interrupted.

        Args:
            target: the folder, which must not exist yet.
            settings: which rollouts; as Parquet, without a layout, of training problems only.
            messages: makes the conversation of a rollout.
            licences: the licence by source, for those that the user named.
            on_progress: called with (rows written, rows in total) after each file.

        Raises:
            ExportLayoutError: a setting does not go with a release, or a licence has no form or no source.
            ExportTargetError: `target` exists, cannot be written, or is being written by another process.
            NothingToExportError: no rollout matches the settings.
        """
        from store.export.release.release import release  # imports pyarrow, which is slow

        policies = self.policies.all()
        return release(
            self._database.read, self.masked_url, target, settings, messages, licences, policies, on_progress
        )
