"""Promotion, which compares a policy with the promoted one on the same problems until it is decided."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.config.loading import load_config
from cluster.config.run_config import RunConfig
from cluster.loop.promotion import Assessment, assess, record_decision
from eval.metrics import compute_figures
from store.records import Decision, Outcome, Policy, Problem, Purpose, Rollout, Sampling, Split, rollout_id
from store.store import Store

PROBLEMS = 200


def config(rule: str = "better", first: int = 100, most: int = 0, margin: float = 0.02) -> RunConfig:
    overrides = [f"evaluation.problems={first}", f"promotion.rule={rule}", f"promotion.max_problems={most}"]
    return load_config("demo", None, [*overrides, f"promotion.margin={margin}", "promotion.confidence=0.95"])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Three policies and 200 held-out problems; the first policy solves every second one and is promoted."""
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.problems.add(
            Problem(f"p{i}", f"What is {i}?", "1", "test", Split.HELDOUT, f"k{i}") for i in range(PROBLEMS)
        )
        for version in range(3):
            store.policies.add(Policy(version, version - 1 if version else None, f"policies/{version}"))
        measure(store, 0, half(PROBLEMS), 100)
        decide(store, 0, config())
        yield store


def half(count: int) -> list[bool]:
    return [number % 2 == 0 for number in range(count)]


def measure(store: Store, version: int, solved: list[bool], limit: int) -> int:
    """Attempt the first `limit` problems; returns how many attempts were made. `solved` is by their fixed order."""
    evaluation = store.evaluations.schedule(version, "heldout", sampling=Sampling(0.0), limit=limit)
    order = [problem.id for problem in store.problems.iterate(Split.HELDOUT)]
    leased = store.assignments.lease("test", PROBLEMS, 60, held=version, pinned=version).assignments
    for assignment in leased:
        problem = assignment.problem.id
        outcome = Outcome.ACCEPTED if solved[order.index(problem)] else Outcome.WRONG
        ids = {"prompt_ids": (1,), "token_ids": (2,), "model_mask": (True,)}
        name = rollout_id(assignment.id, 0)
        store.rollouts.add([Rollout(name, problem, Purpose.EVAL, outcome, "tir", **ids, assignment_id=assignment.id)])  # type: ignore[arg-type]
    store.evaluations.finish(evaluation, compute_figures(store.evaluations.answers(evaluation), 1))
    return len(leased)


def changed(gained: int, lost: int, first: int = 100) -> list[bool]:
    """As the first policy, but so many more and fewer problems are solved of each `first`."""
    solved = half(PROBLEMS)
    for start in range(0, PROBLEMS, first):
        for number in range(gained):
            solved[start + 2 * number + 1] = True
        for number in range(lost):
            solved[start + 2 * number] = False
    return solved


def decide(store: Store, version: int, run: RunConfig) -> Assessment:
    policy = store.policies.get(version)
    assessment = assess(store, policy, run)
    record_decision(store, policy, assessment)
    return assessment


def served(store: Store) -> int:
    policy = store.policies.promoted()
    assert policy is not None
    return policy.version


def test_a_policy_that_was_not_measured_is_to_be_measured_on_the_configured_problems(store: Store) -> None:
    assert assess(store, store.policies.get(1), config()) == Assessment(None, "not measured yet", 100)
    assert assess(store, store.policies.get(1), config(first=1000)).more_problems == PROBLEMS


def test_the_first_measured_policy_is_promoted(store: Store) -> None:
    assert store.policies.get(0).decision is Decision.PROMOTED
    assert [(one.version, one.reason) for one in store.policies.promotions()] == [
        (0, "it is the first policy that was measured")
    ]


def test_a_better_policy_is_promoted_with_what_shows_it(store: Store) -> None:
    measure(store, 1, changed(8, 0), 100)
    found = decide(store, 1, config())
    assert (found.decision, found.against, found.rule) == (Decision.PROMOTED, 0, "better")
    assert found.comparison is not None
    assert (found.comparison.gained, found.comparison.lost, found.comparison.n) == (8, 0, 100)
    assert found.p_value == pytest.approx(0.5**8)
    assert found.error == pytest.approx(0.05)
    assert served(store) == 1
    assert store.policies.promotions()[-1].reason == "it is better than policy 0"


def test_a_difference_within_chance_does_not_promote(store: Store) -> None:
    measure(store, 1, changed(6, 2), 100)
    found = decide(store, 1, config())
    assert found.decision is Decision.NOT_PROMOTED
    assert found.reason.startswith("undecided")
    assert served(store) == 0


def test_a_worse_policy_is_rejected_without_more_problems(store: Store) -> None:
    measure(store, 0, half(PROBLEMS), PROBLEMS)
    measure(store, 1, changed(0, 12), 100)
    found = assess(store, store.policies.get(1), config(most=PROBLEMS))
    assert (found.decision, found.more_problems) == (Decision.NOT_PROMOTED, None)
    assert found.reason == "it is worse than policy 0"


def test_an_undecided_policy_is_measured_on_more_problems_without_repeating_any(store: Store) -> None:
    run = config(most=PROBLEMS)
    assert assess(store, store.policies.get(0), run).more_problems == PROBLEMS
    assert measure(store, 0, half(PROBLEMS), PROBLEMS) == 100
    measure(store, 1, changed(6, 1), 100)
    open_one = assess(store, store.policies.get(1), run)
    assert (open_one.decision, open_one.more_problems) == (None, PROBLEMS)
    assert measure(store, 1, changed(6, 1), PROBLEMS) == 100
    found = decide(store, 1, run)
    assert found.decision is Decision.PROMOTED
    assert found.comparison is not None
    assert (found.comparison.gained, found.comparison.lost, found.comparison.n) == (12, 2, 200)


def test_looks_share_the_probability_of_error(store: Store) -> None:
    run = config(most=PROBLEMS)
    measure(store, 0, half(PROBLEMS), PROBLEMS)
    measure(store, 1, changed(6, 1), 100)
    assert assess(store, store.policies.get(1), run).error == pytest.approx(0.05 / 4)
    measure(store, 1, changed(6, 1), PROBLEMS)
    assert assess(store, store.policies.get(1), run).error == pytest.approx(0.05 * 3 / 4)


def test_a_comparison_ends_where_the_promoted_policy_was_not_measured(store: Store) -> None:
    measure(store, 1, changed(6, 2), 100)
    found = assess(store, store.policies.get(1), config(most=PROBLEMS))
    assert (found.decision, found.more_problems) == (Decision.NOT_PROMOTED, None)
    assert found.error == pytest.approx(0.05)


def test_attempts_of_an_unfinished_evaluation_do_not_count(store: Store) -> None:
    run = config(most=PROBLEMS)
    store.evaluations.schedule(0, "heldout", sampling=Sampling(0.0), limit=PROBLEMS)
    measure(store, 1, changed(6, 2), 100)
    assert assess(store, store.policies.get(1), run).decision is Decision.NOT_PROMOTED
    assert assess(store, store.policies.get(0), run).more_problems == PROBLEMS


def test_not_worse_accepts_a_loss_below_the_margin(store: Store) -> None:
    measure(store, 1, changed(1, 2), 100)
    policy = store.policies.get(1)
    assert assess(store, policy, config("not_worse", margin=0.1)).decision is Decision.PROMOTED
    assert assess(store, policy, config("not_worse", margin=0.01)).decision is Decision.NOT_PROMOTED


def test_always_promotes_a_worse_policy_and_needs_no_more_problems(store: Store) -> None:
    run = config("always", most=PROBLEMS)
    measure(store, 1, changed(0, 12), 100)
    assert decide(store, 1, run).decision is Decision.PROMOTED
    assert assess(store, store.policies.get(1), run).more_problems is None
    assert served(store) == 1


def test_a_decision_is_made_once(store: Store) -> None:
    measure(store, 1, changed(8, 0), 100)
    found = decide(store, 1, config())
    again = assess(store, store.policies.get(1), config("not_worse"))
    assert (again.decision, again.reason, again.comparison) == (found.decision, found.reason, found.comparison)
    record_decision(store, store.policies.get(1), Assessment(Decision.NOT_PROMOTED, "another"))
    assert store.policies.get(1).decision is Decision.PROMOTED
    assert [one.version for one in store.policies.promotions()] == [0, 1]


def test_a_policy_that_was_promoted_by_hand_is_not_compared_with_itself(store: Store) -> None:
    measure(store, 1, changed(0, 12), 100)
    store.policies.promote(1, "by hand")
    found = decide(store, 1, config())
    assert (found.decision, found.comparison) == (Decision.PROMOTED, None)
    assert [one.reason for one in store.policies.promotions()][1:] == ["by hand"]


def test_a_policy_without_a_problem_in_common_with_the_promoted_one_is_promoted(store: Store) -> None:
    store.policies.promote(2, "by hand")
    measure(store, 1, changed(8, 0), 100)
    found = assess(store, store.policies.get(1), config())
    assert (found.decision, found.against) == (Decision.PROMOTED, 2)
    assert "no held-out problem in common" in found.reason


def test_the_log_states_the_difference_and_the_decision(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    measure(store, 1, changed(2, 7), 100)
    with caplog.at_level(logging.INFO):
        decide(store, 1, config())
    assert "policy 1: not promoted: undecided" in caplog.text
    assert "-5.0 ± 3.0 points on 100 problems" in caplog.text
    assert "2 gained, 7 lost; p = 0.98, where at most 0.05 promotes" in caplog.text
