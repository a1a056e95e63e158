"""Errors of the store. Each has a one-line message that says what happened and what to do."""


class StoreError(Exception):
    """Base class of all errors of the store."""


class StoreUrlError(StoreError):
    """The URL does not name a database that can hold a store."""


class StoreMissingError(StoreError):
    """There is no store at the URL and none should be created, or the folder to create it in does not exist."""


class StoreUnreachableError(StoreError):
    """The database cannot be reached, opened or written."""


class StoreAwayError(StoreUnreachableError):
    """The database server does not respond, dropped the connection, or is starting or stopping. Worth a retry."""


class StoreDeadlockError(StoreError):
    """The server ended this transaction to resolve a deadlock. Worth a retry."""


class StoreBusyError(StoreError):
    """Another process held a lock for longer than the busy timeout."""


class StoreTooNewError(StoreError):
    """The store was written by a newer version of this program."""


class NotAStoreError(StoreError):
    """The database exists but is not a store."""


class StoreDamagedError(NotAStoreError):
    """The contents of the database are corrupted."""


class ProblemSourceError(StoreError):
    """A problem source cannot be read. The message names the file and line, or the data set, and the reason."""


class InvalidProblemError(StoreError):
    """A problem, label or decision that the store does not accept."""


class InvalidRolloutError(StoreError):
    """A rollout that contradicts its assignment, its problem or itself."""


class UnknownPolicyError(StoreError):
    """No policy with this version was published."""


class PolicyPrunedError(StoreError):
    """The policy's folder was pruned, so that it cannot be used any more."""


class UnknownRecordError(StoreError):
    """No iteration, evaluation, training set, problem or review with this id."""


class IterationClosedError(StoreError):
    """The iteration is closed and cannot be opened again."""


class NothingToScheduleError(StoreError):
    """There is no problem to schedule, or no rollout to select."""


class HeldOutLeakError(StoreError):
    """A training set would contain a held-out problem. Nothing was stored."""


class AnnotationTakenError(StoreError):
    """Another process is at work on the annotation job."""


class ReviewDecidedError(StoreError):
    """The review has the opposite decision already, or its label has changed since."""


class ExportTargetError(StoreError):
    """The target folder of an export exists, cannot be written, or is being written by another process."""


class ExportLayoutError(StoreError):
    """The layout of an export does not go with another of its settings."""


class NothingToExportError(StoreError):
    """No rollout matches the settings of an export."""
