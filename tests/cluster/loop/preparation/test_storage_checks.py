"""What a run's start says of a storage or of nodes that do not see it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from cluster.loop.preparation import storage_checks
from cluster.loop.preparation.storage_checks import require_artifacts_on_all_nodes, require_storage
from store.artifacts.folder import folder_at
from store.settings import StorageSettings

from ....s3_server import S3Server

asked: list[bool] = []


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_checks, "_VISIBLE_WITHIN_S", 0.5)


def all_see(function: Callable[[], str], *, and_here: bool) -> dict[str, str | Exception]:
    asked.append(and_here)
    return {"worker-1 (10.0.0.2)": function(), "worker-2 (10.0.0.3)": function()}


def one_is_blind(function: Callable[[], str], *, and_here: bool) -> dict[str, str | Exception]:
    return {"worker-1 (10.0.0.2)": function(), "worker-2 (10.0.0.3)": FileNotFoundError("no such file")}


def test_nodes_that_see_the_folder_let_the_run_start_and_leave_no_trace(tmp_path: Path) -> None:
    require_artifacts_on_all_nodes(RunFolder(tmp_path), all_see)
    assert list(tmp_path.iterdir()) == []
    assert asked[-1] is False


def test_a_node_without_the_folder_is_named_with_the_folder_and_both_remedies(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        require_artifacts_on_all_nodes(RunFolder(tmp_path), one_is_blind)
    message = str(raised.value)
    assert "worker-2 (10.0.0.3)" in message
    assert str(tmp_path) in message
    assert "Mount the same folder there" in message
    assert "storage.url=s3://" in message
    assert list(tmp_path.iterdir()) == []


def test_a_node_that_has_a_folder_of_its_own_at_the_path_is_found_out(tmp_path: Path) -> None:
    def elsewhere(function: Callable[[], str], *, and_here: bool) -> dict[str, str | Exception]:
        probe = next(tmp_path.glob("probe-*"))
        probe.rename(tmp_path / "hidden")
        try:
            return {"worker-1": function()}
        except FileNotFoundError as error:
            return {"worker-1": error}
        finally:
            (tmp_path / "hidden").rename(probe)

    with pytest.raises(ConfigError, match="node worker-1 does not see the run's folder"):
        require_artifacts_on_all_nodes(RunFolder(tmp_path), elsewhere)


def test_a_node_that_cannot_read_the_url_is_named_with_what_it_lacks(s3_url: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "demo-1", StorageSettings(url=s3_url))
    require_artifacts_on_all_nodes(folder, all_see)
    assert asked[-1] is True, "Ray on this node may have been started in another environment"
    with pytest.raises(ConfigError, match=r"node worker-2 \(10.0.0.3\) cannot read from s3://.*/demo-1 .*credentials"):
        require_artifacts_on_all_nodes(folder, one_is_blind)
    assert folder_at(s3_url).sizes() == {}


def test_a_storage_that_works_leaves_no_trace(storage_url: str) -> None:
    if storage_url.startswith("memory"):
        with pytest.raises(ConfigError, match="private to one process"):
            require_storage(StorageSettings(url=storage_url))
        return
    require_storage(StorageSettings(url=storage_url))
    assert folder_at(storage_url).sizes() == {}
    require_storage(StorageSettings())


def test_a_bucket_that_does_not_exist_ends_the_start_with_the_reason(s3: S3Server) -> None:
    with pytest.raises(ConfigError, match=r"storage.url: s3://nowhere/.*bucket does not exist.*AWS_\*"):
        require_storage(StorageSettings(url="s3://nowhere/runs"))


def test_a_kind_of_storage_without_its_package_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(ConfigError, match=r"storage.url: gs:// needs a package .*automathes\[gcs\]"):
        require_storage(StorageSettings(url="gs://bucket-without-package/runs"))
