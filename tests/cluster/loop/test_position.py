"""The position of a run: what is due next, by what its store holds."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.config.loading import load_config
from cluster.loop.position import Position, read_position
from store.records import Decision, Outcome, Policy, Problem, Purpose, Rollout, Sampling, Split, rollout_id
from store.runs.iterations import IterationState
from store.runs.policies import PolicyState
from store.store import Store

BASE = PolicyState(0, None, 0, is_decided=True)
WARM = PolicyState(1, 0, 0, is_decided=True)
FIRST = PolicyState(2, 1, 1, is_decided=True)
SECOND = PolicyState(3, 2, 2, is_decided=True)

NEW = Position(
    target=3,
    lead=0,
    quorum=1.0,
    samples=True,
    has_warm_start=True,
    measures_base=True,
    policies=(BASE,),
    iterations=(),
)
WARM_STARTED = replace(NEW, policies=(BASE, WARM))


def iteration(number: int, missing: int = 10, *, scheduled: int = 10, closed: bool = False) -> IterationState:
    return IterationState(number, number, 0 if closed else scheduled, missing, is_closed=closed)


def undecided(policy: PolicyState) -> PolicyState:
    return replace(policy, is_decided=False)


# ---------------------------------------------------------------- opening


def test_nothing_is_opened_before_the_warm_start() -> None:
    assert NEW.to_open == []
    assert replace(NEW, lead=3).to_open == []


def test_without_a_teacher_the_first_iteration_is_opened_with_the_base() -> None:
    assert replace(NEW, has_warm_start=False).to_open == [1]


def test_without_lead_one_iteration_is_open_at_a_time() -> None:
    assert WARM_STARTED.to_open == [1]
    assert replace(WARM_STARTED, iterations=[iteration(1, missing=0)]).to_open == []
    assert replace(WARM_STARTED, policies=(BASE, WARM, FIRST), iterations=[iteration(1, missing=0)]).to_open == [2]


def test_the_lead_opens_as_many_iterations_more() -> None:
    assert replace(WARM_STARTED, lead=1).to_open == [1, 2]
    assert replace(WARM_STARTED, lead=1, iterations=[iteration(1)]).to_open == [2]


def test_no_iteration_is_opened_beyond_the_target() -> None:
    assert replace(WARM_STARTED, lead=9).to_open == [1, 2, 3]
    assert replace(WARM_STARTED, lead=9, target=0).to_open == []


def test_an_iteration_that_was_opened_and_not_scheduled_is_opened_again() -> None:
    assert replace(WARM_STARTED, iterations=[iteration(1, 0, scheduled=0)]).to_open == [1]


def test_a_control_run_opens_iterations_without_rollouts_once() -> None:
    control = replace(WARM_STARTED, samples=False)
    assert control.to_open == [1]
    assert replace(control, iterations=[iteration(1, 0, scheduled=0)]).to_open == []


def test_the_measurement_of_a_policy_delays_no_iteration() -> None:
    assert replace(WARM_STARTED, policies=(undecided(BASE), undecided(WARM))).to_open == [1]


# ---------------------------------------------------------------- training


def test_the_warm_start_is_trained_first_and_waits_for_nothing() -> None:
    assert NEW.to_train == 0
    assert replace(NEW, policies=(undecided(BASE),)).to_train == 0
    assert WARM_STARTED.to_train is None


def test_an_iteration_is_trained_on_once_its_quorum_is_judged() -> None:
    sampled = replace(WARM_STARTED, lead=1, quorum=0.8)
    assert replace(sampled, iterations=[iteration(1, missing=3)]).to_train is None
    assert replace(sampled, iterations=[iteration(1, missing=2)]).to_train == 1


def test_a_quorum_is_rounded_up() -> None:
    assert replace(WARM_STARTED, quorum=0.95, iterations=[iteration(1, missing=1)]).to_train is None


def test_iterations_are_trained_on_in_their_order() -> None:
    ahead = replace(WARM_STARTED, lead=1, iterations=[iteration(1, missing=1), iteration(2, missing=0)])
    assert ahead.to_train is None
    assert replace(ahead, iterations=[iteration(1, missing=0), iteration(2, missing=0)]).to_train == 1


def test_an_iteration_without_assignments_is_not_trained_on() -> None:
    assert replace(WARM_STARTED, iterations=[iteration(1, 0, scheduled=0)]).to_train is None


def test_a_control_run_trains_without_rollouts() -> None:
    assert replace(WARM_STARTED, samples=False, iterations=[iteration(1, 0, scheduled=0)]).to_train == 1


def test_nothing_is_trained_beyond_the_target() -> None:
    done = replace(WARM_STARTED, target=1, policies=(BASE, WARM, FIRST))
    assert replace(done, iterations=[iteration(1, 0, closed=True), iteration(2, missing=0)]).to_train is None


# ---------------------------------------------------------------- measuring and closing


def test_a_policy_is_measured_until_its_promotion_is_decided() -> None:
    assert replace(WARM_STARTED, policies=(BASE, undecided(WARM))).to_measure == [1]
    assert WARM_STARTED.to_measure == []


def test_the_base_is_measured_only_if_that_is_configured() -> None:
    assert replace(NEW, policies=(undecided(BASE),)).to_measure == [0]
    assert replace(NEW, policies=(undecided(BASE),), measures_base=False).to_measure == []


def test_several_policies_may_be_measured_at_a_time() -> None:
    assert replace(NEW, policies=(BASE, undecided(WARM), undecided(FIRST))).to_measure == [1, 2]


def test_an_iteration_is_closed_once_its_policy_is_decided_on_although_stragglers_are_missing() -> None:
    trained = replace(WARM_STARTED, policies=(BASE, WARM, undecided(FIRST)), iterations=[iteration(1, missing=1)])
    assert trained.to_close == []
    assert replace(trained, policies=(BASE, WARM, FIRST)).to_close == [1]
    assert replace(trained, policies=(BASE, WARM, FIRST), iterations=[iteration(1, 1, closed=True)]).to_close == []


# ---------------------------------------------------------------- the end


def test_a_run_ends_when_all_is_trained_measured_closed_and_sampled() -> None:
    finished = replace(NEW, target=1, policies=(BASE, WARM, FIRST), iterations=[iteration(1, missing=0, closed=True)])
    assert finished.is_finished
    assert not replace(finished, target=2).is_finished
    assert not replace(finished, policies=(BASE, WARM, undecided(FIRST))).is_finished
    assert not replace(finished, iterations=[iteration(1, missing=0)]).is_finished
    assert not replace(finished, iterations=[iteration(1, missing=1, closed=True)]).is_finished


def test_a_run_of_no_iterations_ends_after_its_warm_start_and_its_measurement() -> None:
    assert not replace(NEW, target=0).is_finished
    assert replace(WARM_STARTED, target=0).is_finished


def test_a_lower_target_leaves_out_what_was_opened_beyond_it() -> None:
    iterations = [iteration(1, missing=0, closed=True), iteration(2, missing=7)]
    lowered = replace(NEW, target=1, lead=1, policies=(BASE, WARM, FIRST), iterations=iterations)
    assert lowered.is_finished
    assert lowered.sampling == (0, 0)


# ---------------------------------------------------------------- figures


def test_iterations_done_are_those_whose_policy_is_published() -> None:
    assert NEW.iterations_done == WARM_STARTED.iterations_done == 0
    assert replace(NEW, policies=(BASE, WARM, FIRST, SECOND)).iterations_done == 2


def test_the_progress_of_sampling_is_that_of_all_open_iterations() -> None:
    assert replace(WARM_STARTED, lead=1, iterations=[iteration(1, 2), iteration(2, 9)]).sampling == (9, 20)


def test_an_iteration_that_is_complete_stays_in_the_progress_until_it_is_trained_on() -> None:
    complete = replace(WARM_STARTED, iterations=[iteration(1, missing=0)])
    assert complete.sampling == (10, 10)
    assert replace(complete, policies=(BASE, WARM, FIRST)).sampling == (0, 0)


def test_stragglers_of_a_closed_iteration_are_still_in_the_progress() -> None:
    trained = replace(WARM_STARTED, policies=(BASE, WARM, FIRST), iterations=[iteration(1, 2, closed=True)])
    assert trained.missing == 2
    assert trained.sampling == (0, 2)


# ---------------------------------------------------------------- reading it


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """The store of a run with a base policy and a warm start."""
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.problems.add(Problem(f"p{i}", f"What is {i}?", "1", "test", Split.TRAIN, f"k{i}") for i in range(10))
        store.policies.add(Policy(0, None, "v0"))
        store.policies.add(Policy(1, 0, "v1", iteration=0))
        yield store


def test_the_position_is_read_from_the_store_and_the_configuration(store: Store) -> None:
    run = load_config("demo", None, ["iteration.lead=2", "iteration.count=7"])
    store.policies.decide(0, Decision.PROMOTED, {}, "it is the first")
    store.iterations.open(1, 1)
    store.iterations.schedule(1, 5, 2, Sampling())
    (first, *_) = store.assignments.lease("test", 1, 60).assignments
    ids = {"prompt_ids": (1,), "token_ids": (2,), "model_mask": (True,)}
    name, problem = rollout_id(first.id, 0), first.problem.id
    store.rollouts.add([Rollout(name, problem, Purpose.TRAIN, Outcome.WRONG, "tir", **ids, assignment_id=first.id)])  # type: ignore[arg-type]

    position = read_position(store, run)

    assert (position.target, position.lead, position.quorum) == (7, 2, 0.95)
    assert (position.samples, position.has_warm_start, position.measures_base) == (True, True, False)
    assert [(one.version, one.is_decided) for one in position.policies] == [(0, True), (1, False)]
    assert list(position.iterations) == [IterationState(1, 1, scheduled=10, missing=9, is_closed=False)]


def test_the_number_of_iterations_that_was_asked_for_comes_before_the_configured_one(store: Store) -> None:
    run = load_config("demo", None, ["iteration.count=7"])
    store.run.set_targets(iterations=4)
    assert read_position(store, run).target == 4
    store.run.set_targets(iterations=0)
    assert read_position(store, run).target == 0


def test_stragglers_of_a_closed_iteration_are_counted_as_missing(store: Store) -> None:
    store.iterations.open(1, 1)
    store.iterations.schedule(1, 5, 2, Sampling())
    store.iterations.close(1, {})
    (found,) = read_position(store, load_config("demo", None, [])).iterations
    assert (found.missing, found.is_closed) == (10, True)
