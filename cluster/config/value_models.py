"""The value models of a run: which one is meant, and where its files are."""

from actors.scoring.published import Published, ValueFiles
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from learner.publication import version_folder
from store.artifacts.folder import is_complete
from store.artifacts.location import Location, join
from store.records import Policy, ValueModel
from store.settings import SelectionSettings
from store.store import Store

SELECTION_OPTION = "selection.value_model"


def value_folder(folder: RunFolder, version: int) -> Location:
    """Where a value model is, whether published yet or not."""
    return version_folder(join(folder.artifacts, "values"), version)


def value_files(folder: RunFolder, model: ValueModel, policy: Policy | None = None) -> ValueFiles:
    """The files of a run's value model: where it was published, or its place in this run if that was moved.

    Raises:
        ConfigError: the policy was pruned or is missing.
    """
    assert model.path is not None, "only published value models are chosen"
    location = model.path if is_complete(model.path) else value_folder(folder, model.version)
    beside = None if policy is None else Published(folder.require_policy(policy), policy.checksum)
    return ValueFiles(model.version, Published(location, model.checksum), folder.storage, beside)


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


def require_value_model(store: Store, selection: SelectionSettings) -> None:
    """Raise `ConfigError` if a selection names a value model that the run does not have."""
    if selection.value_model is not None:
        choose_model(store, selection.value_model, SELECTION_OPTION)
