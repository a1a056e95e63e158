"""Training sets: the one whose training was interrupted, and the lag of what a policy was trained on."""

from dataclasses import replace

from store.records import Policy, Sampling
from store.settings import SelectionSettings
from store.training.training_sets import TrainingSet

TOKENS = 5  # of each rollout that `make` makes


def publish(store, version, training_set=None):
    store.policies.add(Policy(version, version - 1, f"policies/{version}", training_set))


def add_attempts(store, make, iteration, problems, version):
    """One attempt at each of some problems, by a policy."""
    store.iterations.open(iteration, 1)
    store.iterations.schedule(iteration, problems, 1, Sampling())
    leased = store.assignments.lease("a", 1000, 60).assignments
    store.rollouts.add([make.attempt(a, 0, version=version) for a in leased])


def test_a_training_set_is_unpublished_until_its_policy_is_there(filled, make):
    assert filled.training_sets.unpublished() is None
    add_attempts(filled, make, 1, problems=3, version=1)
    first = filled.training_sets.select(2, iteration=1)
    assert filled.training_sets.unpublished() == TrainingSet(first, policy_version=2, iteration=1, size=3)
    publish(filled, 2, first)
    assert filled.training_sets.unpublished() is None


def test_of_several_unpublished_sets_the_latest_counts(filled, make):
    add_attempts(filled, make, 1, problems=3, version=1)
    filled.training_sets.select(2, iteration=1)
    later = filled.training_sets.select(3, iteration=1)
    assert filled.training_sets.unpublished().id == later
    publish(filled, 2)
    assert filled.training_sets.unpublished().id == later
    publish(filled, 3, later)
    assert filled.training_sets.unpublished() is None


def test_a_set_that_belongs_to_no_training_of_the_loop_is_not_continued(filled, make):
    add_attempts(filled, make, 1, problems=3, version=1)
    filled.training_sets.select(2)
    assert filled.training_sets.unpublished() is None


def test_the_set_of_the_warm_start_is_continued(filled, make):
    filled.rollouts.add([make.demonstration("a", "p1", "print(1)")])
    warm = filled.training_sets.select(2, SelectionSettings(attempts=False), iteration=0)
    assert filled.training_sets.unpublished() == TrainingSet(warm, policy_version=2, iteration=0, size=1)


def test_the_lag_is_counted_in_published_policies_by_token(filled, make):
    publish(filled, 2)
    filled.policies.add(Policy(7, 2, "policies/7"))
    add_attempts(filled, make, 1, problems=2, version=1)
    add_attempts(filled, make, 2, problems=3, version=2)
    add_attempts(filled, make, 3, problems=4, version=7)
    filled.rollouts.add([replace(make.demonstration("a", "p1", "print(1)"), spans=())])  # no policy wrote it
    trained = filled.training_sets.select(8, SelectionSettings(max_per_problem=None), iteration=3)
    filled.policies.add(Policy(8, 7, "policies/8", trained))
    expected = {0: 4 * TOKENS, 1: 3 * TOKENS, 2: 2 * TOKENS}
    assert filled.training_sets.lag_tokens(8) == expected
    publish(filled, 9)
    assert filled.training_sets.lag_tokens(8) == expected, "as it was when the policy was trained"


def test_a_policy_without_a_training_set_has_no_lag(filled):
    assert filled.training_sets.lag_tokens(1) == {}
