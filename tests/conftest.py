"""What the tests of several packages share."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.ray.starting import start_ray
from learner.settings import OPENMP_ENVIRONMENT
from store.settings import StorageSettings

from .s3_server import BUCKET, S3Server, s3_server

for name, value in OPENMP_ENVIRONMENT.items():
    os.environ.setdefault(name, value)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With several workers, what takes longest is begun first."""
    if hasattr(config, "workerinput"):
        from .workers import sort_for_workers

        sort_for_workers(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several workers (`make test`), tests that share what takes long to start run in the same one."""
    from .workers import make_scheduler

    return make_scheduler(config, log)


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
