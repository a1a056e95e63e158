"""What the tests of several packages share."""

import os
from collections.abc import Iterator

import pytest

# OpenMP threads that spin while they wait make tests many times slower on a busy machine. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "3000")


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One small Ray for the whole test session."""
    import ray

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
