"""Reading a training set. Every rank reads it from the store itself."""

from store.records import Rollout
from store.store import Store


def read_samples(store_url: str, training_set_id: int) -> list[Rollout]:
    """The rollouts of a training set, in the same order on every rank."""
    with Store.open(store_url, create=False, wait=True) as store:
        return list(store.training_sets.samples(training_set_id))
