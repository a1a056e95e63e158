"""Where a configuration says that policies are kept, and what it must not say."""

from pathlib import Path

import pytest

from cluster.config.loading import load_config, to_toml
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder, find_run_folder, new_run_folder
from store.artifacts.folder import folder_at
from store.settings import StorageSettings


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIAKEY:very-secret@bucket/prefix",
        "s3://AKIAKEY@bucket/prefix",
        "sftp://user:very-secret@host/folder",
        "s3://bucket/prefix?secret=very-secret",
        "simplecache::s3://bucket/very-secret",
        "very-secret/folder",
        "s3://",
    ],
)
def test_a_url_with_a_secret_or_options_is_refused_and_never_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match=r"storage: url must") as raised:
        load_config("demo", None, [f"storage.url={url}"])
    assert "very-secret" not in str(raised.value)
    assert "AKIAKEY" not in str(raised.value)


def test_a_refused_secret_is_told_where_it_belongs() -> None:
    with pytest.raises(ConfigError, match=r"environment of every node \(AWS_ACCESS_KEY_ID.*fsspec's configuration"):
        load_config("demo", None, ["storage.url=s3://key:secret@bucket/prefix"])


@pytest.mark.parametrize("url", ["s3://bucket", "gs://bucket/a/b", "file:///data/runs", "sftp://user@host/folder"])
def test_plain_urls_are_kept_as_they_are(url: str) -> None:
    assert load_config("demo", None, [f"storage.url={url}"]).storage.url == url


def test_a_transfer_must_fail_before_those_who_wait_for_it_are_taken_for_dead() -> None:
    overrides = ["storage.url=s3://bucket", "storage.silence_s=300"]
    with pytest.raises(ConfigError, match=r"storage\.silence_s \(300\) must be below learner.silence_s"):
        load_config("demo", None, overrides)
    load_config("demo", None, overrides[1:])


def test_a_relative_cache_is_refused() -> None:
    with pytest.raises(ConfigError, match="storage: cache must be an absolute path"):
        load_config("demo", None, ["storage.cache=somewhere"])


def test_without_a_url_everything_is_in_the_runs_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "demo-1")
    assert folder.policy(3) == tmp_path / "demo-1" / "policies" / "v000003"
    assert folder.trainings == folder.checkpoints == tmp_path / "demo-1" / "checkpoints"


def test_a_new_run_takes_a_name_that_is_free_here_and_under_the_url_and_keeps_it(
    tmp_path: Path, storage_url: str
) -> None:
    folder_at(f"{storage_url}/demo-1/policies/v000000").write("model.safetensors", b"of another machine's run")
    (tmp_path / "demo-2").mkdir()
    folder = new_run_folder(tmp_path, "demo", StorageSettings(url=storage_url))
    assert folder.path.name == "demo-3"
    assert folder.policies == f"{storage_url}/demo-3/policies"
    folder.write_config(load_config("demo", None, []).model_copy(update={"storage": folder.storage}))
    renamed = find_run_folder(tmp_path, folder.path.rename(tmp_path / "renamed"))
    assert renamed.policies == f"{storage_url}/demo-3/policies"


def test_a_name_of_the_configuration_that_is_taken_is_refused(tmp_path: Path, storage_url: str) -> None:
    folder_at(f"{storage_url}/mine/policies/v000000").write("model.safetensors", b"of another run")
    with pytest.raises(ConfigError, match="holds another run: choose another name"):
        new_run_folder(tmp_path / "runs", "demo", StorageSettings(url=storage_url, name="mine"))
    assert list((tmp_path / "runs").iterdir()) == []


def test_the_resolved_configuration_has_no_secret_of_the_environment(s3_url: str) -> None:
    config = load_config("demo", None, [f"storage.url={s3_url}"])
    assert "very-secret-key" not in to_toml(config)
