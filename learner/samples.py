"""Reading a training set. Every rank reads it from the store itself."""

from collections.abc import Callable

from store.records import Rollout
from store.store import Store


def read_samples(store_url: str, training_set_id: int, on_sample: Callable[[], None] = lambda: None) -> list[Rollout]:
    """The rollouts of a training set, in the same order on every rank. `on_sample` is called after each."""
    rollouts = []
    with Store.open(store_url, create=False, wait=True) as store:
        for rollout in store.training_sets.samples(training_set_id):
            rollouts.append(rollout)
            on_sample()
    return rollouts
