"""What can go wrong with a store, each with a name and a message of one line that says what would be right."""


class StoreError(Exception):
    """Anything that is wrong with a store or with what it was given."""


class StoreUrlError(StoreError):
    """The URL does not name a database that a store can live in."""


class StoreMissingError(StoreError):
    """There is no store at the URL, and none was to be created, or there is no folder to create it in."""


class StoreUnreachableError(StoreError):
    """The database cannot be reached, opened or written."""


class StoreAwayError(StoreUnreachableError):
    """The database server does not answer, broke the connection, or starts or stops: it may be back in a moment."""


class StoreDeadlockError(StoreError):
    """Two transactions waited for each other, and the server ended this one: it is done again."""


class StoreBusyError(StoreError):
    """Another process kept the database locked for longer than the busy time-out."""


class StoreTooNewError(StoreError):
    """The store was written by a newer version of this program."""


class NotAStoreError(StoreError):
    """The database exists, and it is something else."""


class StoreDamagedError(NotAStoreError):
    """What stands in the database is not what was written there."""


class ProblemSourceError(StoreError):
    """A problem source cannot be read. Names the file and line, or the data set, and the reason."""


class InvalidProblemError(StoreError):
    """A problem that the store cannot take."""


class InvalidRolloutError(StoreError):
    """A rollout that contradicts its assignment, its problem or itself."""


class UnknownPolicyError(StoreError):
    """No policy of that version was published."""


class UnknownRecordError(StoreError):
    """No iteration, evaluation, training set or problem of that number or name."""


class IterationClosedError(StoreError):
    """The iteration was closed already; its numbers are history."""


class IterationUnfinishedError(StoreError):
    """The iteration was to be closed before all of its rollouts were written."""


class NothingToScheduleError(StoreError):
    """There is no problem that could be scheduled, or no rollout that could be selected."""


class HeldOutLeakError(StoreError):
    """A held-out problem was about to be trained on. Nothing was stored."""


class ReviewDecidedError(StoreError):
    """The review was decided otherwise, or its label is another one by now."""


class ExportTargetError(StoreError):
    """The folder of an export exists already, cannot be written, or is being written."""


class NothingToExportError(StoreError):
    """No rollout meets the settings of an export."""
