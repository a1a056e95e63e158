"""Value models in the store: their trainings, and the scores of attempts."""

import pytest

from store.errors import StoreError, UnknownPolicyError, UnknownRecordError
from store.records import Outcome, Policy, Purpose, Sampling, ScoredAttempt
from store.settings import RetentionSettings, SelectionSettings

BOTH = SelectionSettings(accepted_only=False, demonstrations=False)
EACH = (Outcome.ACCEPTED, Outcome.WRONG, Outcome.UNDECIDED, Outcome.FAULT)


@pytest.fixture
def attempted(filled, make):
    """Four attempts at each of three training problems: right, wrong, undecided, and one that ended in a fault."""
    filled.iterations.schedule(1, problems=3, samples=4, sampling=Sampling())
    for assignment in filled.assignments.lease("a", 10, 60).assignments:
        filled.rollouts.add(make.attempt(assignment, i, outcome) for i, outcome in enumerate(EACH))
    return filled


@pytest.fixture
def evaluation(attempted, make):
    """The id of an evaluation on two held-out problems with the same four attempts at each."""
    chosen = attempted.evaluations.schedule(1, "heldout", samples=4, sampling=Sampling(), limit=2)
    for assignment in attempted.assignments.lease("a", 10, 60).assignments:
        filled = [make.attempt(assignment, i, outcome, answer=str(i)) for i, outcome in enumerate(EACH)]
        attempted.rollouts.add(filled)
    return chosen


def begun(store, settings=None) -> int:
    return store.values.begin(1, settings or {}, BOTH).version


def score_all(store, version, evaluation) -> list[int]:
    found = [attempt for batch in store.values.unscored(version, evaluation) for attempt in batch]
    store.values.add_scores(version, [(attempt.seq, attempt.seq / 100) for attempt in found])
    return [attempt.seq for attempt in found]


def test_only_attempts_with_a_verdict_are_selected(attempted):
    model = attempted.values.begin(1, {}, BOTH)
    samples = list(attempted.training_sets.samples(model.training_set_id))
    assert sorted(rollout.outcome for rollout in samples) == [Outcome.ACCEPTED] * 3 + [Outcome.WRONG] * 3
    assert {rollout.purpose for rollout in samples} == {Purpose.TRAIN}


def test_a_training_that_was_interrupted_is_continued(attempted):
    first = attempted.values.begin(1, {"seed": 1}, BOTH)
    assert attempted.values.begin(1, {"seed": 1}, BOTH) == first
    attempted.values.publish(first.version, "values/1", "abc", {"loss": 0.5})
    assert attempted.values.begin(1, {"seed": 1}, BOTH).version == first.version + 1


def test_a_training_with_other_settings_is_another_model(attempted):
    first, second = begun(attempted, {"seed": 1}), begun(attempted, {"seed": 2})
    assert (first, second) == (1, 2)
    assert begun(attempted, {"seed": 1}) == first


def test_published_models_are_listed_with_their_place_and_metrics(attempted):
    begun(attempted, {"seed": 1})
    second = begun(attempted, {"seed": 2})
    attempted.values.publish(second, "values/2", "abc", {"validation_auc": 0.75})
    (model,) = attempted.values.published()
    assert (model.version, model.path, model.checksum, model.policy_version) == (second, "values/2", "abc", 1)
    assert (model.settings, model.metrics) == ({"seed": 2}, {"validation_auc": 0.75})


def test_unknown_policies_and_models_are_refused(attempted):
    with pytest.raises(UnknownPolicyError):
        attempted.values.begin(7, {}, BOTH)
    with pytest.raises(UnknownRecordError, match="no value model 7"):
        attempted.values.publish(7, "values/7", "abc", {})


def test_the_training_of_a_policy_is_still_found_after_one_of_a_value_model(attempted):
    selected = attempted.training_sets.select(2, SelectionSettings(), iteration=1)
    begun(attempted)
    interrupted = attempted.training_sets.unpublished()
    assert interrupted is not None
    assert interrupted.id == selected
    attempted.policies.add(Policy(attempted.policies.next_version(), 1, "policies/2", training_set_id=selected))
    assert attempted.training_sets.unpublished() is None


def test_what_ended_in_a_fault_is_not_scored(attempted, evaluation):
    version = begun(attempted)
    assert attempted.values.progress(version, evaluation) == (0, 6)
    assert len(score_all(attempted, version, evaluation)) == 6
    assert attempted.values.progress(version, evaluation) == (6, 6)
    assert score_all(attempted, version, evaluation) == []


def test_attempts_are_scored_by_all_their_tokens(attempted, evaluation):
    (batch,) = attempted.values.unscored(begun(attempted), evaluation)
    assert {attempt.ids for attempt in batch} == {(1, 2, 3, 10, 20, 4_000_000_000, 40, 50)}


def test_an_interrupted_scoring_continues_and_a_score_stays_as_it_was(attempted, evaluation):
    version = begun(attempted)
    (batch,) = attempted.values.unscored(version, evaluation)
    attempted.values.add_scores(version, [(attempt.seq, 0.25) for attempt in batch[:2]])
    attempted.values.add_scores(version, [(batch[0].seq, 0.75)])
    (rest,) = attempted.values.unscored(version, evaluation)
    assert [attempt.seq for attempt in rest] == [attempt.seq for attempt in batch[2:]]
    scores = [one.score for own in attempted.values.attempts(version, evaluation).values() for one in own]
    assert sorted(score for score in scores if score is not None) == [0.25, 0.25]


def test_models_score_apart_from_each_other(attempted, evaluation):
    first, second = begun(attempted, {"seed": 1}), begun(attempted, {"seed": 2})
    score_all(attempted, first, evaluation)
    assert attempted.values.progress(second, evaluation) == (0, 6)


def test_scored_attempts_are_grouped_by_problem_in_the_order_of_samples(attempted, evaluation):
    version = begun(attempted)
    seqs = score_all(attempted, version, evaluation)
    attempts = attempted.values.attempts(version, evaluation)
    assert len(attempts) == 2
    own = next(iter(attempts.values()))
    assert [(one.outcome, one.answer) for one in own] == [(outcome, str(i)) for i, outcome in enumerate(EACH)]
    assert own[0] == ScoredAttempt(Outcome.ACCEPTED, "0", pytest.approx(seqs[0] / 100), 5, 1)
    assert own[3].score is None


def test_an_extended_evaluation_keeps_the_scores_of_the_one_before(attempted, evaluation, make):
    version = begun(attempted)
    score_all(attempted, version, evaluation)
    longer = attempted.evaluations.schedule(1, "heldout", samples=4, sampling=Sampling(), limit=3)
    for assignment in attempted.assignments.lease("a", 10, 60).assignments:
        attempted.rollouts.add(make.attempt(assignment, i, outcome) for i, outcome in enumerate(EACH))
    assert attempted.values.progress(version, longer) == (6, 9)


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_refused(attempted, evaluation, score):
    version = begun(attempted)
    (batch,) = attempted.values.unscored(version, evaluation)
    with pytest.raises(StoreError, match="not a finite number"):
        attempted.values.add_scores(version, [(batch[0].seq, score)])
    assert attempted.values.progress(version, evaluation) == (0, 6)


def test_scores_are_pruned_with_their_rollouts(filled, make):
    filled.iterations.schedule(1, problems=1, samples=2, sampling=Sampling())
    (assignment,) = filled.assignments.lease("a", 10, 60).assignments
    filled.rollouts.add(make.attempt(assignment, i, Outcome.WRONG) for i in range(2))
    filled.values.add_scores(1, [(1, 0.5), (2, 0.5)])
    assert filled.rollouts.prune(RetentionSettings(keep=1)) == 1
    with filled._database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT rollout_seq FROM value_scores").scalars().all() == [2]
