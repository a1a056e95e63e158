"""What the tests of several packages share."""

import os
from collections.abc import Iterator

import pytest

from learner.settings import OPENMP_ENVIRONMENT

for name, value in OPENMP_ENVIRONMENT.items():
    os.environ.setdefault(name, value)


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One small Ray for the whole test session."""
    import ray

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
