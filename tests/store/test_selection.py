from collections import Counter

import pytest
from sqlalchemy import text

from store.database import transaction
from store.errors import HeldOutLeakError, NothingToScheduleError, UnknownRecordError
from store.records import Outcome, Policy, Purpose, Sampling, Split
from store.settings import SelectionSettings


def attempts(store, make, iteration, problems, samples, outcome=Outcome.ACCEPTED, code=None):
    """One iteration, scheduled and done; the rollouts in the order in which they were written."""
    store.open_iteration(iteration, 1)
    store.schedule_training(iteration, problems, samples, Sampling())
    rollouts = [make.attempt(a, i, outcome, code) for a in store.lease("a", 1000, 60) for i in a.pending]
    rollouts.sort(key=lambda rollout: (rollout.assignment_id, rollout.id))
    for rollout in rollouts:
        store.add_rollouts([rollout])
    return rollouts


def chosen(store, settings=None):
    return list(store.training_samples(store.select_training_set(2, settings)))


def test_accepted_attempts_alone_are_chosen(filled, make):
    attempts(filled, make, 1, problems=3, samples=2)
    attempts(filled, make, 2, problems=3, samples=2, outcome=Outcome.WRONG)
    assert {rollout.outcome for rollout in chosen(filled)} == {Outcome.ACCEPTED}
    everything = chosen(filled, SelectionSettings(accepted_only=False))
    assert Counter(r.outcome for r in everything) == {Outcome.ACCEPTED: 6, Outcome.WRONG: 6}


def test_faults_of_ours_are_never_chosen(filled, make):
    attempts(filled, make, 1, problems=3, samples=2, outcome=Outcome.FAULT)
    with pytest.raises(NothingToScheduleError, match="no rollout can be trained on"):
        filled.select_training_set(2, SelectionSettings(accepted_only=False))


def test_at_most_so_many_of_a_problem_the_newest_first(filled, make):
    written = attempts(filled, make, 1, problems=2, samples=5)
    got = chosen(filled, SelectionSettings(max_per_problem=2))
    assert {r.id for r in got} == {r.id for r in written if r.id.endswith(("-3", "-4"))}


def test_the_same_solution_to_a_problem_is_chosen_once(filled, make):
    attempts(filled, make, 1, problems=3, samples=4, code="x = 2\nprint(x)")
    assert len(chosen(filled, SelectionSettings(max_per_problem=None))) == 3


def test_a_random_preference_depends_on_the_seed_alone(filled, make):
    attempts(filled, make, 1, problems=10, samples=6)
    first, again, other = (
        [r.id for r in chosen(filled, SelectionSettings(prefer="random", max_per_problem=2, seed=seed))]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert set(first) != set(other)


def test_a_window_keeps_the_newest_iterations(filled, make):
    attempts(filled, make, 1, problems=2, samples=1)
    newer = attempts(filled, make, 2, problems=2, samples=1)
    assert {r.id for r in chosen(filled, SelectionSettings(iterations=1))} == {r.id for r in newer}


def test_max_samples_keeps_the_newest(filled, make):
    written = attempts(filled, make, 1, problems=5, samples=1)
    assert {r.id for r in chosen(filled, SelectionSettings(max_samples=2))} == {r.id for r in written[-2:]}


def test_demonstrations_are_repeated_shared_or_left_out(filled, make):
    attempts(filled, make, 1, problems=5, samples=2)
    filled.add_rollouts([make.demonstration(str(i), f"p{i}", f"print({i} + 1000)") for i in range(4)])

    def purposes(**settings):
        return Counter(r.purpose for r in chosen(filled, SelectionSettings(**settings)))

    assert purposes() == {Purpose.TRAIN: 10, Purpose.DEMONSTRATION: 4}
    assert purposes(demonstration_repeat=3) == {Purpose.TRAIN: 10, Purpose.DEMONSTRATION: 12}
    assert purposes(demonstration_share=0.5) == {Purpose.TRAIN: 10, Purpose.DEMONSTRATION: 10}
    assert purposes(demonstration_share=0.1) == {Purpose.TRAIN: 10, Purpose.DEMONSTRATION: 1}
    assert purposes(demonstrations=False) == {Purpose.TRAIN: 10}


def test_demonstrations_alone_make_the_training_set_of_a_warm_start(filled, make):
    filled.add_rollouts([make.demonstration(str(i), f"p{i}", f"print({i})") for i in range(4)])
    assert len(chosen(filled)) == 4


def test_an_attempt_equal_to_a_demonstration_is_left_out(filled, make):
    (attempt,) = attempts(filled, make, 1, problems=1, samples=1, code="x = 1\nprint(x)")
    filled.add_rollouts([make.demonstration("a", attempt.problem_id, "y = 1  # one\nprint(y)")])
    assert [r.id for r in chosen(filled)] == ["demo-a"]


def test_attempts_of_an_evaluation_are_never_chosen(filled, make):
    attempts(filled, make, 1, problems=2, samples=1)
    filled.schedule_evaluation(1, "train", sampling=Sampling(0.0), split=Split.TRAIN)
    filled.add_rollouts(make.attempt(a, 0) for a in filled.lease("a", 100, 60))
    assert len(chosen(filled)) == 2


def test_held_out_problems_are_never_chosen(filled, make):
    written = attempts(filled, make, 1, problems=20, samples=1)
    with transaction(filled._engine, write=True) as session:  # what no call of the store can do
        session.execute(text("UPDATE problems SET split = 'heldout' WHERE id <> 'p7'"))
    assert {r.id for r in chosen(filled)} == {r.id for r in written if r.problem_id == "p7"}


def test_a_held_out_problem_that_slips_through_the_query_stops_the_selection(filled, make, monkeypatch):
    attempts(filled, make, 1, problems=20, samples=1)
    with transaction(filled._engine, write=True) as session:
        (leak,) = session.execute(text("SELECT seq FROM rollouts LIMIT 1")).scalars()
        session.execute(text("UPDATE problems SET split = 'heldout'"))
    monkeypatch.setattr("store.selection._candidates", lambda session, settings: ([], [leak]))
    with pytest.raises(HeldOutLeakError, match="is held out and was chosen for training"):
        filled.select_training_set(2)
    with pytest.raises(UnknownRecordError):
        filled.training_set_size(1)


def test_ranks_share_the_samples_without_overlap(filled, make):
    attempts(filled, make, 1, problems=20, samples=3)
    training_set = filled.select_training_set(2)
    everything = [r.id for r in filled.training_samples(training_set)]
    ranks = [[r.id for r in filled.training_samples(training_set, rank, 2)] for rank in range(2)]
    assert len(everything) == filled.training_set_size(training_set) == 60
    assert [everything[0::2], everything[1::2]] == ranks


def test_a_policy_is_traced_to_what_it_was_trained_on(filled, make):
    written = attempts(filled, make, 1, problems=3, samples=2)
    training_set = filled.select_training_set(2, SelectionSettings(demonstration_repeat=2))
    filled.add_policy(Policy(2, 1, "policies/2", training_set_id=training_set))
    attempts(filled, make, 2, problems=3, samples=2)  # what came later is not in it
    assert filled.trained_on(2) == sorted(r.id for r in written)
    assert filled.trained_on(1) == []
