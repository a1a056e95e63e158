import pytest

from store.database.schema import migrate
from store.database.tables import SCHEMA_REVISION
from store.errors import StoreError, UnknownPolicyError, UnknownRecordError
from store.records import Outcome, Policy, Purpose, Sampling, Split
from store.runs.figures import Evaluation, Figure, Measured

GREEDY = Sampling(temperature=0.0)


def test_scheduling_the_same_evaluation_again_continues_it(filled, make):
    first = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4)
    filled.rollouts.add([make.attempt(filled.assignments.lease("a", 1, 60).assignments[0], 0)])
    assert filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4) == first
    assert filled.evaluations.progress(first) == (1, 4)
    assert filled.evaluations.schedule(1, "heldout", samples=8, sampling=Sampling(0.8), limit=4) != first


def test_every_policy_is_measured_on_the_same_problems(filled):
    filled.policies.add(filled.policies.get(1).__class__(2, 1, "policies/2"))
    problems = []
    for version in (1, 2):
        filled.evaluations.schedule(version, "heldout", sampling=GREEDY, limit=4)
        problems.append([a.problem.id for a in filled.assignments.lease("a", 100, 60, held=version).assignments])
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
    for assignment in filled.assignments.lease("a", 10, 60).assignments:
        outcomes = (Outcome.ACCEPTED, Outcome.WRONG, Outcome.ACCEPTED)
        filled.rollouts.add([make.attempt(assignment, i, outcomes[i], answer=str(i)) for i in (2, 0, 1)])
    answers = filled.evaluations.answers(evaluation)
    assert len(answers) == 2
    for sampled in answers.values():
        assert sampled == [(Outcome.ACCEPTED, "0"), (Outcome.WRONG, "1"), (Outcome.ACCEPTED, "2")]


def test_an_evaluation_that_a_crash_left_is_found_and_finished(filled):
    evaluation = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4)
    assert [run.id for run in filled.evaluations.unfinished()] == [evaluation]
    filled.evaluations.finish(evaluation, Measured({"pass@1": Figure(0.25, 4), "maj@8": Figure(0.5, 4)}))
    filled.evaluations.finish(evaluation, Measured({"pass@1": Figure(0.75, 4)}))
    assert [(one.metric, one.figure) for one in filled.evaluations.figures()] == [("pass@1", Figure(0.75, 4))]
    assert filled.evaluations.unfinished() == []
    assert filled.evaluations.get(evaluation).finished


def test_figures_are_stored_with_their_errors_and_with_what_they_lack(filled):
    evaluation = filled.evaluations.schedule(1, "sampled", samples=4, sampling=Sampling(), limit=4)
    first, all_samples = Figure(0.5, 4, 0.125, 0.25, 0.75, 0), Figure(0.75, 3, 0.25, 0.5, 1.0, 1)
    filled.evaluations.finish(evaluation, Measured({"pass@1": first, "pass@4": all_samples}, 5, 2))
    assert filled.evaluations.figures() == [
        Evaluation(1, "sampled", "pass@1", first, undecided=5, unverifiable=2),
        Evaluation(1, "sampled", "pass@4", all_samples, undecided=5, unverifiable=2),
    ]


def test_figures_of_a_schema_without_errors_are_over_the_problems_of_their_evaluation(filled):
    evaluation = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4)
    filled.evaluations.finish(evaluation, Measured({"pass@1": Figure(0.5, 4, 0.25, 0.0, 1.0, 0)}))
    with filled._database.engine.begin() as connection:
        migrate(connection, "0004")
        migrate(connection, SCHEMA_REVISION)
    assert filled.evaluations.figures() == [Evaluation(1, "heldout", "pass@1", Figure(0.5, 4))]


def test_a_figure_that_is_no_number_is_refused(filled):
    evaluation = filled.evaluations.schedule(1, "heldout", sampling=GREEDY)
    with pytest.raises(StoreError, match="pass@1 is nan"):
        filled.evaluations.finish(evaluation, Measured({"pass@1": Figure(float("nan"), 4)}))
    with pytest.raises(StoreError, match="standard_error of pass@1 is inf"):
        filled.evaluations.finish(evaluation, Measured({"pass@1": Figure(0.5, 4, float("inf"))}))
    with pytest.raises(UnknownRecordError, match="no evaluation 99"):
        filled.evaluations.finish(99, Measured({"pass@1": Figure(0.5, 4)}))


def attempt_all(store, make, version=1, outcome=Outcome.ACCEPTED):
    """Attempt everything that is scheduled for a policy; returns the problems."""
    leased = store.assignments.lease("a", 100, 60, held=version, pinned=version, purpose=Purpose.EVAL).assignments
    store.rollouts.add([make.attempt(one, i, outcome, version=version) for one in leased for i in one.pending])
    return [one.problem.id for one in leased]


def test_a_larger_evaluation_repeats_no_attempt_of_the_one_that_it_extends(filled, make):
    small = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4)
    first = attempt_all(filled, make)
    large = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=9)
    assert filled.evaluations.progress(large) == (4, 9)
    further = attempt_all(filled, make, outcome=Outcome.WRONG)
    assert (len(first), len(further), len({*first, *further})) == (4, 5, 9)
    assert filled.evaluations.progress(large) == (9, 9)
    assert set(filled.evaluations.answers(large)) == {*first, *further}
    assert set(filled.evaluations.answers(small)) == set(first)


def test_an_unfinished_evaluation_is_extended_too(filled, make):
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4)
    large = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=9)
    largest = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=10)
    assert filled.evaluations.progress(large) == (0, 9)
    assert filled.evaluations.progress(largest) == (0, 10)
    assert len(attempt_all(filled, make)) == 10
    filled.evaluations.finish(largest, Measured({"pass@1": Figure(1.0, 10)}))
    assert len(filled.evaluations.benchmark_answers(1, "heldout")) == 10


def test_scheduling_the_extension_again_continues_it(filled, make):
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4)
    large = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=9)
    assert filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=9) == large
    assert filled.evaluations.progress(large) == (0, 9)


def test_evaluations_of_another_kind_are_not_extended(filled, make):
    filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4)
    attempt_all(filled, make)
    filled.policies.add(Policy(2, 1, "policies/2"))
    for other in (
        filled.evaluations.schedule(1, "heldout", sampling=Sampling(0.8), limit=9),
        filled.evaluations.schedule(1, "heldout", sampling=GREEDY, samples=2, limit=9),
        filled.evaluations.schedule(1, "another", sampling=GREEDY, limit=9),
        filled.evaluations.schedule(2, "heldout", sampling=GREEDY, limit=9),
    ):
        assert filled.evaluations.progress(other)[0] == 0


def test_an_evaluation_is_not_extended_by_one_that_lacks_some_of_its_problems(filled, make):
    filled.evaluations.schedule(1, "mine", sampling=GREEDY, problem_ids=["p1", "p2"])
    attempt_all(filled, make)
    other = filled.evaluations.schedule(1, "mine", sampling=GREEDY, problem_ids=["p2", "p3", "p4"])
    assert filled.evaluations.progress(other) == (0, 3)


def test_the_cost_of_an_evaluation_leaves_interruptions_out(filled, make, clock):
    evaluation = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4)
    for wait_s, assignment in zip((0, 10, 5_000, 20), filled.assignments.lease("a", 4, 9_999).assignments, strict=True):
        clock.now_s += wait_s
        filled.rollouts.add([make.attempt(assignment, 0)])

    cost = filled.evaluations.cost(evaluation)

    assert (cost.attempts, cost.tokens, cost.attempt_s) == (4, 20, 6.0)
    assert cost.wall_s == pytest.approx(1.5 + 10 + 1.5 + 20)


def test_the_cost_of_an_evaluation_without_attempts_is_none(filled):
    cost = filled.evaluations.cost(filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4))

    assert (cost.attempts, cost.tokens, cost.attempt_s, cost.wall_s) == (0, 0, 0.0, 0.0)


def test_the_figures_of_one_evaluation_are_read_back_once_it_is_finished(filled):
    evaluation = filled.evaluations.schedule(1, "heldout", sampling=GREEDY, limit=4)
    assert filled.evaluations.measured(evaluation) is None
    measured = Measured({"pass@1": Figure(0.25, 4, 0.1, 0.0, 0.5, 0)}, 1, 2)
    filled.evaluations.finish(evaluation, measured)
    assert filled.evaluations.measured(evaluation) == measured
