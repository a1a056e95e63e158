"""Which exceptions are told in a line instead of a traceback, and the exit code of each: 2 wrong use, 1 it failed."""

import sys

_WRONG_USE = (
    "actors.formats.UnknownFormatError",
    "actors.teachers.jsonl.DemonstrationFileError",
    "cluster.config.run_config.ConfigError",
    "cluster.config.memory.ShapeError",
    "cluster.config.plan.UnknownModelError",
    "cluster.loop.preparation.PreparationError",
    "learner.huggingface.ModelUnavailableError",
    "learner.policy_folder.PolicyFolderError",
    "learner.smollm2.PackagedModelMissingError",
    "store.errors.ExportTargetError",
    "store.errors.InvalidProblemError",
    "store.errors.NothingToExportError",
    "store.errors.ProblemSourceError",
    "store.errors.ReviewDecidedError",
    "store.errors.StoreMissingError",
    "store.errors.StoreTooNewError",
    "store.errors.StoreUrlError",
    "store.errors.UnknownRecordError",
)
_FAILED = (
    "actors.engine.EngineStartError",
    "eval.metrics.NothingMeasuredError",
    "cluster.loop.fleet.SamplersLostError",
    "cluster.config.plan.DoesNotFitError",
    "cluster.loop.ray_session.RayUnavailableError",
    "cluster.commands.serve.ServingError",
    "learner.engine.StateMismatchError",
    "learner.group.LearnerGroupError",
    "learner.publication.PublicationError",
    "sandbox.host.SandboxUnavailable",
    "store.errors.StoreError",
)


def classify(error: BaseException) -> int | None:
    """2 or 1 for an exception that explains itself, None for one that needs its traceback.

    Classes are looked up by name among what is imported already: importing them here would cost seconds.
    """
    if isinstance(error, _loaded(_WRONG_USE)):
        return 2
    if isinstance(error, (*_loaded(_FAILED), TimeoutError)):
        return 1
    return None


def _loaded(names: tuple[str, ...]) -> tuple[type[BaseException], ...]:
    found = []
    for name in names:
        module, _, attribute = name.rpartition(".")
        if module in sys.modules:
            found.append(getattr(sys.modules[module], attribute))
    return tuple(found)
