import pytest

from store.errors import StoreError, UnknownPolicyError, UnknownRecordError
from store.records import Evaluation, Outcome, Sampling, Split

GREEDY = Sampling(temperature=0.0)


def test_scheduling_the_same_evaluation_again_continues_it(filled, make):
    first = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4)
    filled.rollouts.add([make.attempt(filled.assignments.lease("a", 1, 60)[0], 0)])
    assert filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4) == first
    assert filled.evaluations.progress(first) == (1, 4)
    assert filled.evaluations.schedule(1, "heldout", samples=8, sampling=Sampling(0.8), limit=4) != first


def test_every_policy_is_measured_on_the_same_problems(filled):
    filled.policies.add(filled.policies.get(1).__class__(2, 1, "policies/2"))
    problems = []
    for version in (1, 2):
        filled.evaluations.schedule(version, "heldout", sampling=GREEDY, limit=4)
        problems.append([a.problem.id for a in filled.assignments.lease("a", 100, 60, policy_version=version)])
    assert problems[0] == problems[1]
    assert {filled.problems.get(i).split for i in problems[0]} == {Split.HELDOUT}


def test_an_evaluation_takes_given_problems(filled):
    evaluation = filled.evaluations.schedule(1, "mine", sampling=GREEDY, samples=3, problem_ids=["p3", "p25"])
    assert filled.evaluations.progress(evaluation) == (0, 6)
    with pytest.raises(UnknownRecordError, match="no problem 'p99'"):
        filled.evaluations.schedule(1, "yours", sampling=GREEDY, problem_ids=["p3", "p99"])
    with pytest.raises(UnknownPolicyError):
        filled.evaluations.schedule(7, "heldout", sampling=GREEDY)


def test_answers_are_grouped_by_problem_in_the_order_of_samples(filled, make):
    evaluation = filled.evaluations.schedule(1, "heldout", samples=3, sampling=Sampling(), limit=2)
    for assignment in filled.assignments.lease("a", 10, 60):
        outcomes = (Outcome.ACCEPTED, Outcome.WRONG, Outcome.ACCEPTED)
        filled.rollouts.add([make.attempt(assignment, i, outcomes[i], answer=str(i)) for i in (2, 0, 1)])
    answers = filled.evaluations.answers(evaluation)
    assert len(answers) == 2
    for sampled in answers.values():
        assert sampled == [(Outcome.ACCEPTED, "0"), (Outcome.WRONG, "1"), (Outcome.ACCEPTED, "2")]


def test_an_evaluation_that_a_crash_left_is_found_and_finished(filled):
    evaluation = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4)
    assert [run.id for run in filled.evaluations.unfinished()] == [evaluation]
    filled.evaluations.finish(evaluation, {"pass@1": 0.25, "maj@8": 0.5}, n=4)
    filled.evaluations.finish(evaluation, {"pass@1": 0.75}, n=4)
    assert filled.evaluations.figures() == [Evaluation(1, "heldout", "pass@1", 0.75, 4)]
    assert filled.evaluations.unfinished() == []
    assert filled.evaluations.get(evaluation).finished


def test_a_figure_that_is_no_number_is_refused(filled):
    evaluation = filled.evaluations.schedule(1, "heldout", sampling=GREEDY)
    with pytest.raises(StoreError, match="pass@1 is nan"):
        filled.evaluations.finish(evaluation, {"pass@1": float("nan")}, n=4)
    with pytest.raises(UnknownRecordError, match="no evaluation 99"):
        filled.evaluations.finish(99, {"pass@1": 0.5}, n=4)
