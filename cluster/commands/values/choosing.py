"""Which value model and which evaluation a command is about, and where value models are."""

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from learner.publication import version_folder
from store.artifacts.location import Location, join
from store.records import ValueModel
from store.runs.evaluations import EvaluationRun
from store.store import Store


def value_folder(folder: RunFolder, version: int) -> Location:
    """Where a value model is, whether published yet or not."""
    return version_folder(join(folder.artifacts, "values"), version)


def choose_model(store: Store, version: int | None, option: str = "--model") -> ValueModel:
    """The value model of that version, or the latest that is no control.

    Raises:
        ConfigError: there is none.
    """
    known = {model.version: model for model in store.values.published()}
    if version is not None:
        if version not in known:
            listed = ", ".join(map(str, known)) or "none yet"
            raise ConfigError(f"{option} {version}: the run has no such value model; it has {listed}")
        return known[version]
    latest = [model for model in known.values() if not model.settings.get("shuffle_labels")]
    if not latest:
        raise ConfigError("the run has no value model yet: `automathes value train` trains one")
    return latest[-1]


def choose_evaluation(store: Store, evaluation_id: int | None) -> EvaluationRun:
    """The evaluation with that id, or the latest finished one with several samples per problem.

    Raises:
        ConfigError: there is none.
        UnknownRecordError: no evaluation has this id.
    """
    if evaluation_id is not None:
        return store.evaluations.get(evaluation_id)
    sampled = store.evaluations.sampled()
    if not sampled:
        raise ConfigError("the run has no evaluation with several samples: `automathes eval --samples 8` makes one")
    return sampled[0]
