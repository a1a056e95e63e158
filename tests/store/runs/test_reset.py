"""Whether a run has used a store, and clearing one whose run ended before its first policy."""

import pytest

from store.errors import StoreError
from store.records import Split


def test_a_store_is_empty_until_it_has_problems_and_again_after_clearing(store, make):
    assert store.is_empty()
    store.problems.add(make.problem(i) for i in range(3))
    store.rollouts.add([make.demonstration("a", "p1", "print(1)")])
    store.labels.change("p1", "2", "test", "to have a row in every table that a start fills")
    assert not store.is_empty()
    store.clear()
    assert store.is_empty()
    assert list(store.rollouts.iterate()) == []
    assert store.problems.add([make.problem(0)]) == 1


def test_problems_of_earlier_imports_can_be_kept_as_if_nobody_had_attempted_them(store, make):
    store.problems.add([make.problem(0), make.problem(1, split=Split.HELDOUT)])
    before = list(store.problems.iterate())
    store.rollouts.add([make.demonstration("a", "p0", "print(1)")])
    store.clear(keep_problems=True)
    assert list(store.problems.iterate()) == before
    assert list(store.rollouts.iterate()) == []
    assert store.rollouts.add([make.demonstration("a", "p0", "print(1)")])
    assert store.problems.add([make.problem(1, split=Split.HELDOUT)]) == 0


def test_a_store_with_a_policy_is_not_cleared(filled):
    with pytest.raises(StoreError, match="policies"):
        filled.clear()
    assert filled.problems.counts()["train"] == 20
