"""The store of a run whose driver was killed. A test's `folder` is a folder on a disk, or under a URL."""

from collections.abc import Iterator

import pytest

from cluster.config.run_folder import RunFolder
from store.records import Outcome, Policy, Problem, Purpose, Rollout, Split
from store.store import Store

from .publishing import publish


@pytest.fixture
def store(folder: RunFolder) -> Iterator[Store]:
    """A store with a base policy, and a training set that no policy was made from yet."""
    publish(folder, Policy(0, None, ""))
    with Store.open(f"sqlite:///{folder.path / 'store.db'}") as store:
        store.policies.add(Policy(0, None, str(folder.policy(0))))
        store.problems.add([Problem("p", "What is 1?", "1", "test", Split.TRAIN, "p")])
        store.rollouts.add(
            [Rollout("demo-1", "p", Purpose.DEMONSTRATION, Outcome.ACCEPTED, "tir", (1,), (2, 3), (True, True))]
        )
        assert store.policies.next_version() == 1
        store.training_sets.select(1, iteration=0)
        yield store
