from concurrent.futures import ThreadPoolExecutor

import pytest

from store.errors import StoreError, UnknownPolicyError
from store.records import Decision, Policy, PolicyPointer
from store.runs.policies import PolicyState
from store.store import Store


def test_a_version_is_never_reserved_twice(store):
    with ThreadPoolExecutor(4) as threads:
        versions = list(threads.map(lambda _: store.policies.next_version(), range(20)))
    assert sorted(versions) == list(range(1, 21))
    store.policies.add(Policy(40, None, "a"))
    assert store.policies.next_version() == 41


def test_policies_are_read_back_with_the_promoted_one_marked(store):
    store.policies.add(Policy(1, None, "a"))
    store.policies.add(Policy(2, 1, "b", metrics={"loss": 0.5}))
    assert store.policies.latest() == Policy(2, 1, "b", metrics={"loss": 0.5})
    assert store.policies.promoted() is None
    store.policies.promote(2)
    store.policies.promote(1)
    assert store.policies.promoted() == store.policies.get(1) == Policy(1, None, "a", promoted=True)
    assert [policy.promoted for policy in store.policies.all()] == [True, False]


def test_a_store_without_policies_has_no_latest(store):
    assert store.policies.latest() is None
    assert store.policies.all() == []


def test_adding_a_policy_again_changes_nothing_and_another_under_its_version_is_refused(store):
    store.policies.add(Policy(0, None, "a"))
    store.policies.add(Policy(0, None, "a"))
    with pytest.raises(StoreError, match="version 0 is a already"):
        store.policies.add(Policy(0, None, "b"))


def test_an_unpublished_version_cannot_be_promoted_or_be_a_parent(store):
    with pytest.raises(UnknownPolicyError, match="no policy version 9"):
        store.policies.promote(9)
    with pytest.raises(UnknownPolicyError, match="no policy version 9"):
        store.policies.add(Policy(10, 9, "a"))
    with pytest.raises(UnknownPolicyError):
        store.policies.get(10)


def test_a_policy_is_kept_with_its_config_and_checksum(store):
    policy = Policy(1, None, "a", metrics={"loss": 0.5}, config={"lr": 1e-3, "phase": "iteration"}, checksum="ab" * 32)
    store.policies.add(policy)
    assert store.policies.get(1) == policy


def test_a_store_that_is_moved_with_its_policies_finds_them(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    with Store.open(f"sqlite:///{old}/store.db") as store:
        store.policies.add(Policy(1, None, f"{old}/policies/1"))
        store.policies.add(Policy(2, 1, "/elsewhere/2"))
        store.policies.promote(1)
        store.run.set_actual("running", checkpoint=f"{old}/checkpoints/1")
        assert store.policies.get(1).path == f"{old}/policies/1"
        store.policies.add(Policy(1, None, f"{old}/policies/1"))
    old.rename(new)
    with Store.open(f"sqlite:///{new}/store.db", create=False) as store:
        assert [policy.path for policy in store.policies.all()] == [f"{new}/policies/1", "/elsewhere/2"]
        assert store.policies.promoted().path == f"{new}/policies/1"
        assert store.run.state().checkpoint == f"{new}/checkpoints/1"


def test_promotions_are_remembered_in_their_order(filled):
    filled.policies.add(Policy(filled.policies.next_version(), 1, "policies/2"))
    assert filled.policies.promotions() == []

    for version in (1, 2, 2, 1):
        filled.policies.promote(version)

    assert [promotion.version for promotion in filled.policies.promotions()] == [1, 2, 1]
    assert filled.policies.promoted().version == 1


def test_a_decision_and_its_promotion_are_one_and_stay(filled):
    policy = filled.policies.get(1)
    assert (policy.decision, policy.assessment) == (None, None)
    filled.policies.decide(1, Decision.PROMOTED, {"reason": "first", "error": 0.05}, "first")
    filled.policies.decide(1, Decision.NOT_PROMOTED, {"reason": "second"}, "second")
    policy = filled.policies.get(1)
    assert (policy.decision, policy.assessment) == (Decision.PROMOTED, {"reason": "first", "error": 0.05})
    assert [(one.version, one.reason) for one in filled.policies.promotions()] == [(1, "first")]


def test_a_policy_that_is_not_promoted_leaves_the_served_one(filled):
    filled.policies.promote(1)
    filled.policies.add(Policy(2, 1, "policies/2"))
    filled.policies.decide(2, Decision.NOT_PROMOTED, {}, "it is worse")
    assert filled.policies.promoted().version == 1
    with pytest.raises(UnknownPolicyError):
        filled.policies.decide(9, Decision.PROMOTED, {}, "none")


def test_the_brief_has_each_policys_iteration_and_whether_it_is_decided(filled):
    filled.policies.add(Policy(2, 1, "policies/2", iteration=0))
    filled.policies.add(Policy(5, 2, "policies/5", iteration=1))
    filled.policies.decide(2, Decision.NOT_PROMOTED, {}, "worse")
    assert filled.policies.brief() == [
        PolicyState(1, None, None, is_decided=False),
        PolicyState(2, 1, 0, is_decided=True),
        PolicyState(5, 2, 1, is_decided=False),
    ]


def test_a_pointer_survives_the_way_through_rllib():
    pointer = PolicyPointer(7, "policies/7", "sum")
    assert PolicyPointer.from_state(pointer.to_state()) == pointer
