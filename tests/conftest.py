"""What the tests of several packages share."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.ray.starting import start_ray
from learner.settings import OPENMP_ENVIRONMENT
from store.settings import StorageSettings

from .s3_server import BUCKET, S3Server, s3_server

for name, value in OPENMP_ENVIRONMENT.items():
    os.environ.setdefault(name, value)


# Folders whose tests share what takes long to start, and so run in one worker.
TOGETHER = ("cluster/serving", "cluster/review", "actors/engine", "sandbox/attacks")
# What takes longest starts first, so that the workers end at about the same time.
FIRST = ("cluster/serving", "cluster/loop", "cluster/hosts", "cluster/commands", "learner")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each file to one worker, and each of the folders of `TOGETHER`; begin with those of `FIRST`."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
    items.sort(key=_turn)


def _group(item: pytest.Item) -> str:
    name = _name(item)
    return next((folder for folder in TOGETHER if name.startswith(f"{folder}/")), name)


def _turn(item: pytest.Item) -> int:
    name = _name(item)
    return next((place for place, folder in enumerate(FIRST) if name.startswith(f"{folder}/")), len(FIRST))


def _name(item: pytest.Item) -> str:
    return item.path.relative_to(Path(__file__).parent).as_posix()


@pytest.fixture(scope="session")
def ray_session(s3: S3Server) -> Iterator[None]:
    """One small Ray for the whole test session. Its processes reach the S3 server."""
    import ray

    start_ray(num_cpus=4, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """An S3 server for the whole test session."""
    with s3_server() as server:
        yield server


@pytest.fixture
def s3_url(s3: S3Server) -> str:
    """The URL of an empty place on the S3 server."""
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture(params=["file", "memory", "s3"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty place, of each kind that can be had without a network."""
    if request.param == "s3":
        return str(request.getfixturevalue("s3_url"))
    return f"file://{tmp_path / 'storage'}" if request.param == "file" else f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def storage(tmp_path: Path) -> StorageSettings:
    """A cache of this test's own."""
    return StorageSettings(cache=tmp_path / "cache", silence_s=20.0)


@pytest.fixture
def offline_datasets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No network for `datasets`, and a cache of this test's own."""
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
