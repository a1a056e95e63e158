"""Pruning: what it deletes, and what it never deletes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from store.database.connection import transaction
from store.database.tables import ReviewRow
from store.records import Outcome, Policy, ReviewStatus, Sampling
from store.settings import RetentionSettings, SelectionSettings
from store.training.selection import select_training_set

KEEP_NOTHING = RetentionSettings(keep=0)


@pytest.fixture
def attempted(filled, make):
    """Two iterations of six attempts at each of two problems: of each six, one is accepted and one is a fault."""
    for iteration in (1, 2):
        filled.iterations.open(iteration, 1)
        filled.iterations.schedule(iteration, 2, 6, Sampling(), rule="uniform")
        for a in filled.assignments.lease("a", 100, 60).assignments:
            outcomes = [Outcome.ACCEPTED, *[Outcome.WRONG] * 4, Outcome.FAULT]
            rollouts = [make.attempt(a, i, outcome) for i, outcome in enumerate(outcomes)]
            filled.rollouts.add(rollouts)
    return filled


def left(store):
    return sorted((r.problem_id, r.outcome.value) for r in store.rollouts.iterate())


def test_the_newest_rejected_of_each_problem_are_kept_and_all_accepted(attempted):
    before = list(attempted.rollouts.iterate())
    assert attempted.rollouts.prune(RetentionSettings(keep=2)) == 2 * (8 - 2)
    kept = {r.id for r in attempted.rollouts.iterate()}
    newest = {
        r.id
        for problem in {r.problem_id for r in before}
        for outcome in (Outcome.WRONG, Outcome.FAULT)  # a fault takes no place of one that counts
        for r in [r for r in before if (r.problem_id, r.outcome) == (problem, outcome)][-2:]
    }
    assert kept == newest | {r.id for r in before if r.outcome is Outcome.ACCEPTED}
    assert attempted.run.statistics().executions_total == len(kept)


def test_rejected_rollouts_of_old_iterations_go(attempted):
    attempted.rollouts.prune(RetentionSettings(rule="newest_iterations", keep=1))
    assert len(list(attempted.rollouts.iterate(iteration=1))) == 2
    assert len(list(attempted.rollouts.iterate(iteration=2))) == 12


def test_rollouts_that_trained_a_policy_are_never_pruned(attempted):
    training_set = attempted.training_sets.select(2, SelectionSettings(accepted_only=False, iterations=1))
    attempted.policies.add(Policy(2, 1, "policies/2", training_set_id=training_set))
    samples = list(attempted.training_sets.samples(training_set))
    attempted.rollouts.prune(KEEP_NOTHING)
    assert list(attempted.training_sets.samples(training_set)) == samples
    assert len(list(attempted.rollouts.iterate(iteration=1, outcome=Outcome.WRONG))) == 0


@pytest.mark.parametrize("status", ReviewStatus)
def test_a_problem_with_a_review_is_left_alone_also_when_it_is_decided(attempted, status):
    before = left(attempted)
    problem = before[0][0]
    with transaction(attempted._database.engine, write=True) as session:
        values = {"label": "1", "proposed_answer": "2", "score": 0.9, "evidence": {}, "proposed_by": "a"}
        session.add(ReviewRow(problem_id=problem, status=status, proposed_at=0.0, **values))
    attempted.rollouts.prune(KEEP_NOTHING)
    assert [one for one in left(attempted) if one[0] == problem] == [one for one in before if one[0] == problem]


def test_pruned_rollouts_are_neither_sampled_nor_written_again(attempted):
    everything = list(attempted.rollouts.iterate())
    attempted.rollouts.prune(KEEP_NOTHING)
    assert attempted.assignments.lease("b", 10, 60).assignments == ()
    assert attempted.rollouts.add(everything) == 0
    assert attempted.iterations.progress(1) == (12, 12)


def test_pools_have_no_gaps_after_pruning_and_pass_rates_stay(attempted):
    attempted.rollouts.prune(RetentionSettings(keep=3))
    settings = SelectionSettings(accepted_only=False, prefer="oldest", max_per_problem=8)
    training_set = attempted.training_sets.select(2, settings)
    outcomes = [r.outcome for r in attempted.training_sets.samples(training_set)]
    assert outcomes.count(Outcome.ACCEPTED) == 4
    assert outcomes.count(Outcome.WRONG) == len([r for r in attempted.rollouts.iterate() if r.outcome is Outcome.WRONG])
    with transaction(attempted._database.engine, write=False) as session:
        counted = session.execute(text("SELECT judged, accepted FROM problems WHERE judged > 0")).all()
    assert [tuple(row) for row in counted] == [(10, 2), (10, 2)]


def test_pruning_waits_for_a_selection_and_deletes_nothing_of_it(attempted):
    settings = SelectionSettings(accepted_only=False)
    with ThreadPoolExecutor(1) as pool:
        with transaction(attempted._database.engine, write=True) as session:
            training_set = select_training_set(session, 2, settings, now=0)
            pruning = pool.submit(attempted.rollouts.prune, KEEP_NOTHING)
            with pytest.raises(TimeoutError):
                pruning.result(timeout=0.5)
        pruning.result(timeout=60)
    assert len(list(attempted.training_sets.samples(training_set))) == attempted.training_sets.size(training_set) > 0
