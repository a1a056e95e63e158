from concurrent.futures import ThreadPoolExecutor

import pytest

from store.errors import StoreError, UnknownPolicyError
from store.records import Policy


def test_a_version_is_never_handed_out_twice(store):
    with ThreadPoolExecutor(4) as threads:
        versions = list(threads.map(lambda _: store.next_version(), range(20)))
    assert sorted(versions) == list(range(1, 21))
    store.add_policy(Policy(40, None, "a"))
    assert store.next_version() == 41


def test_policies_are_read_back_with_the_promoted_one_marked(store):
    store.add_policy(Policy(1, None, "a"))
    store.add_policy(Policy(2, 1, "b", metrics={"loss": 0.5}))
    assert store.latest() == Policy(2, 1, "b", metrics={"loss": 0.5})
    assert store.promoted() is None
    store.promote(2)
    store.promote(1)
    assert store.promoted() == store.policy(1) == Policy(1, None, "a", promoted=True)
    assert [policy.promoted for policy in store.policies()] == [True, False]


def test_a_store_without_policies_has_no_latest(store):
    assert store.latest() is None
    assert store.policies() == []


def test_adding_a_policy_again_changes_nothing_and_another_under_its_version_is_refused(store):
    store.add_policy(Policy(0, None, "a"))
    store.add_policy(Policy(0, None, "a"))
    with pytest.raises(StoreError, match="version 0 is a already"):
        store.add_policy(Policy(0, None, "b"))


def test_what_was_never_published_cannot_be_promoted_or_be_a_parent(store):
    with pytest.raises(UnknownPolicyError, match="no policy version 9"):
        store.promote(9)
    with pytest.raises(UnknownPolicyError, match="no policy version 9"):
        store.add_policy(Policy(10, 9, "a"))
    with pytest.raises(UnknownPolicyError):
        store.policy(10)
