"""What a driver finds in its run's folder: made here as drivers leave it that were killed at the worst moment."""

from pathlib import Path

import pytest

from cluster.config.run_folder import RunFolder
from cluster.loop.preparation.adoption import adopt_policy, clean_run_folder, relocate_policies
from learner.checkpoints.folder import TrainingKey, step_folder, training_folder, write_description
from learner.publication import checksum, publication
from learner.settings import LearnerSettings
from store.records import Policy
from store.store import Store

from .publishing import publish


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def save_checkpoint(folder: RunFolder, version: int, step: int) -> Path:
    path = step_folder(training_folder(folder.checkpoints, version), step)
    with publication(path) as temporary:
        write_description(temporary, TrainingKey.of(LearnerSettings(), 1, "iteration", version), step, total=20)
    return path


def test_a_policy_that_was_published_and_not_recorded_is_adopted(store: Store, folder: RunFolder) -> None:
    trained = Policy(1, 0, "", training_set_id=1, metrics={"loss": 0.5}, config={"phase": "warm_start"}, iteration=0)
    publish(folder, trained)
    adopted = adopt_policy(store, folder)
    assert adopted is not None
    assert store.policies.latest() == adopted
    assert (adopted.version, adopted.parent, adopted.training_set_id, adopted.iteration) == (1, 0, 1, 0)
    assert (adopted.metrics, adopted.config) == (trained.metrics, trained.config)
    assert adopted.checksum == checksum(folder.policy(1))
    assert store.training_sets.unpublished() is None
    assert adopt_policy(store, folder) is None


@pytest.mark.parametrize(
    "other",
    [
        Policy(1, 0, "", training_set_id=7, iteration=0),
        Policy(1, 0, "", training_set_id=1, iteration=4),
        Policy(2, 0, "", training_set_id=1, iteration=0),
    ],
)
def test_a_folder_of_another_training_is_not_adopted(store: Store, folder: RunFolder, other: Policy) -> None:
    publish(folder, other)
    assert adopt_policy(store, folder) is None
    assert store.policies.require_latest().version == 0


def test_a_folder_that_does_not_describe_its_policy_is_not_adopted(store: Store, folder: RunFolder) -> None:
    publish(folder, Policy(1, 0, ""), record=False)
    assert adopt_policy(store, folder) is None


def test_incomplete_folders_that_no_policy_names_are_removed(store: Store, folder: RunFolder) -> None:
    (folder.policies / ".tmp-v000001-77").mkdir()
    (folder.policy(1)).mkdir()
    (folder.policy(1) / "model.safetensors").write_text("half")
    publish(folder, Policy(5, 0, ""))  # complete: it may be of use to somebody
    (folder.policies / "notes").mkdir()
    clean_run_folder(store, folder, keeps_optimizer=False)
    assert sorted(path.name for path in folder.policies.iterdir()) == ["notes", "v000000", "v000005"]


def test_checkpoints_of_trainings_that_are_over_are_removed(store: Store, folder: RunFolder) -> None:
    open_training = save_checkpoint(folder, 1, 10)
    save_checkpoint(folder, 0, 10)
    save_checkpoint(folder, 7, 10)
    (training_folder(folder.checkpoints, 1) / ".tmp-step-000000020-ab").mkdir()
    clean_run_folder(store, folder, keeps_optimizer=False)
    assert list(folder.checkpoints.glob("*/*")) == [open_training]


def test_the_optimizer_of_the_latest_policy_stays_where_it_is_used(store: Store, folder: RunFolder) -> None:
    store.policies.add(Policy(1, 0, str(folder.policy(1))))
    save_checkpoint(folder, 1, 10)
    last = save_checkpoint(folder, 1, 20)
    clean_run_folder(store, folder, keeps_optimizer=True)
    assert list(folder.checkpoints.glob("*/*")) == [last]
    clean_run_folder(store, folder, keeps_optimizer=False)
    assert list(folder.checkpoints.iterdir()) == []


def test_policies_are_found_after_a_move_even_if_the_store_is_elsewhere(
    store: Store, folder: RunFolder, tmp_path: Path
) -> None:
    publish(folder, Policy(1, 0, ""))
    store.policies.add(Policy(1, 0, str(tmp_path / "before" / "policies" / "v000001")))  # as in a server's database
    store.policies.add(Policy(2, 1, str(tmp_path / "lost")))
    relocate_policies(store, folder)
    assert store.policies.get(1).path == str(folder.policy(1))
    assert store.policies.get(2).path == str(tmp_path / "lost")
