"""What a driver finds under its run's URL: the same as in a folder."""

from pathlib import Path

import pytest

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from cluster.loop.policy_pruning import folder_bytes, prune_policies
from cluster.loop.preparation.adoption import adopt_policy, clean_run_folder, relocate_policies, take_over
from cluster.loop.progress import NullProgress
from learner.publication import checksum, is_complete
from store.artifacts.folder import folder_at
from store.artifacts.location import join
from store.records import Decision, Policy
from store.settings import PolicyRetentionSettings, StorageSettings
from store.store import Store

from ....s3_server import S3Server
from .publishing import publish


@pytest.fixture
def folder(tmp_path: Path, s3_url: str, storage: StorageSettings) -> RunFolder:
    (tmp_path / "demo-1").mkdir()
    return RunFolder(tmp_path / "demo-1", storage.model_copy(update={"url": s3_url}))


def test_everything_of_a_run_is_in_a_folder_of_its_name(folder: RunFolder, s3_url: str, s3: S3Server) -> None:
    assert folder.policy(3) == f"{s3_url}/demo-1/policies/v000003"
    assert folder.trainings == f"{s3_url}/demo-1/checkpoints"
    assert folder.checkpoints == folder.path / "checkpoints"
    publish(folder, Policy(3, None, ""))
    prefix = s3_url.partition("//")[2].partition("/")[2]
    assert {key.rpartition("/")[0] for key in s3.keys(prefix)} == {f"{prefix}/demo-1/policies/v000003"}


def test_the_store_keeps_a_url_as_it_is(store: Store, folder: RunFolder) -> None:
    assert store.policies.get(0).path == folder.policy(0)


def test_a_policy_that_was_published_and_not_recorded_is_adopted(store: Store, folder: RunFolder) -> None:
    publish(folder, Policy(1, 0, "", training_set_id=1, iteration=0))
    take_over(store, folder, NullProgress(), keeps_optimizer=False)
    adopted = store.policies.require_latest()
    assert (adopted.version, adopted.path) == (1, folder.policy(1))
    assert adopted.checksum == checksum(folder.policy(1))


def test_half_an_upload_is_not_adopted_and_is_removed(store: Store, folder: RunFolder) -> None:
    folder_at(folder.policy(1)).write("model.safetensors", b"half")
    publish(folder, Policy(5, 0, ""))  # complete: it may be of use to somebody
    assert adopt_policy(store, folder) is None
    clean_run_folder(store, folder, keeps_optimizer=False)
    assert folder_at(folder.policies).folders() == ["v000000", "v000005"]


def test_pruning_removes_the_objects_and_continues_what_was_interrupted(store: Store, folder: RunFolder) -> None:
    for version in range(1, 5):
        publish(folder, Policy(version, version - 1, ""))
        store.policies.add(Policy(version, version - 1, str(folder.policy(version)), iteration=version))
        store.policies.decide(version, Decision.NOT_PROMOTED, {}, "as good as before")
    kept = set(store.policies.kept(PolicyRetentionSettings(keep_last=1), "heldout"))
    removed = {0, 1, 2, 3, 4} - kept
    prune_policies(store, folder, PolicyRetentionSettings(keep_last=1))
    assert folder_at(folder.policies).folders() == [f"v{version:06d}" for version in sorted(kept)]
    assert all(folder_bytes(folder.policy(version)) == 0 for version in removed)
    for version in removed:  # without a manifest, as it is left half-way
        folder_at(folder.policy(version)).write("model.safetensors", b"left")
    prune_policies(store, folder, PolicyRetentionSettings(keep_last=1))
    assert folder_at(folder.policies).folders() == [f"v{version:06d}" for version in sorted(kept)]


def test_a_server_that_is_away_does_not_end_pruning(
    store: Store, folder: RunFolder, s3: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    s3.stop()
    try:
        prune_policies(store, folder, PolicyRetentionSettings(keep_last=1))
    finally:
        s3.start()
    assert "a later pruning retries" in caplog.text


def test_a_run_that_gets_a_url_needs_its_policies_there(
    store: Store, folder: RunFolder, storage: StorageSettings, s3_url: str
) -> None:
    elsewhere = RunFolder(folder.path, storage.model_copy(update={"url": f"{s3_url}/elsewhere"}))
    with pytest.raises(ConfigError, match=r"policy 0 is in s3://.*, and not at s3://.*/elsewhere/.*copy the policies"):
        relocate_policies(store, elsewhere)
    for name in folder_at(folder.policy(0)).sizes():
        folder_at(elsewhere.policy(0)).write(name, folder_at(folder.policy(0)).read(name))
    relocate_policies(store, elsewhere)
    assert store.policies.get(0).path == elsewhere.policy(0)


def test_a_missing_policy_is_missing_under_a_url_too(folder: RunFolder, store: Store) -> None:
    publish(folder, Policy(2, 0, ""))
    assert folder.find_policy(Policy(2, 0, str(folder.policy(2)))) == folder.policy(2)
    folder_at(join(folder.policies, "v000002")).remove()
    assert not is_complete(folder.policy(2))
    with pytest.raises(ConfigError, match="policy 2 of run demo-1 is missing"):
        folder.require_policy(Policy(2, 0, str(folder.policy(2))))
