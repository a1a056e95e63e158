"""Exit codes, and the exceptions that are shown in a line or two instead of a traceback."""

import sys
from collections.abc import Callable

DONE, FAILED, WRONG_USE = 0, 1, 2
"""Exit codes of every command."""

_WRONG_USE_ERRORS = (
    "actors.annotation.dialogue.prompts.PromptError",
    "actors.formats.UnknownFormatError",
    "actors.teachers.jsonl.DemonstrationFileError",
    "cluster.config.run_config.ConfigError",
    "cluster.config.model_shapes.ShapeError",
    "cluster.config.model_shapes.UnknownModelError",
    "cluster.loop.preparation.preparation.PreparationError",
    "eval.benchmarks.kept.ResultsFileError",
    "learner.bases.huggingface.ModelUnavailableError",
    "learner.policy_folder.PolicyFolderError",
    "learner.bases.smollm2.PackagedModelMissingError",
    "learner.value.lora.NoLoraTargetError",
    "learner.value.network.MissingOutputLayerError",
    "store.artifacts.errors.StorageMissingError",
    "store.errors.ExportLayoutError",
    "store.errors.ExportTargetError",
    "store.errors.InvalidProblemError",
    "store.errors.NothingToExportError",
    "store.errors.PolicyPrunedError",
    "store.errors.ProblemSourceError",
    "store.errors.ReviewDecidedError",
    "store.errors.StoreMissingError",
    "store.errors.StoreTooNewError",
    "store.errors.StoreUrlError",
    "store.errors.UnknownRecordError",
)
_FAILURES = (
    "actors.annotation.endpoint.failures.TeacherError",
    "actors.engine.EngineStartError",
    "actors.scoring.scorer.ScoringError",
    "eval.metrics.NothingMeasuredError",
    "cluster.loop.supervision.fleet.SamplersLostError",
    "cluster.config.plan.DoesNotFitError",
    "cluster.ray.session.RayUnavailableError",
    "cluster.commands.serving.serve.ServingError",
    "cluster.reproduction.pipeline.StageFailedError",
    "cluster.monitoring.server.MonitoringError",
    "learner.engine.StateMismatchError",
    "learner.ranks.gang.LearnerGroupError",
    "learner.publication.PublicationError",
    "sandbox.equivalence.AnswerCheckFailed",
    "sandbox.host.SandboxUnavailable",
    "store.artifacts.errors.StorageError",
    "store.errors.StoreError",
)


def run_with_short_errors(command: Callable[[], int]) -> int:
    """Run a command and return its exit code. Known errors are printed in short; unknown ones keep their traceback."""
    try:
        return command()
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()
        return DONE
    except Exception as error:
        exit_code = classify(error)
        if exit_code is None:
            raise
        sys.stderr.write(f"automathes: {error}\n")
        return exit_code


def classify(error: BaseException) -> int | None:
    """The exit code of an error whose message explains it; None for one that needs its traceback.

    The classes are looked up among the modules that are already imported: importing them here would take seconds.
    """
    if isinstance(error, _loaded(_WRONG_USE_ERRORS)):
        return WRONG_USE
    if isinstance(error, (*_loaded(_FAILURES), TimeoutError)):
        return FAILED
    return None


def _loaded(names: tuple[str, ...]) -> tuple[type[BaseException], ...]:
    found = []
    for name in names:
        module, _, attribute = name.rpartition(".")
        if module in sys.modules:
            found.append(getattr(sys.modules[module], attribute))
    return tuple(found)
