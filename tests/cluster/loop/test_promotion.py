"""Promotion, which compares a policy with the promoted one on the same problems."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.loop.promotion import promote_unless_worse
from eval.metrics import compute_figures
from store.records import Outcome, Policy, Problem, Purpose, Rollout, Sampling, Split, rollout_id
from store.store import Store

PROBLEMS = 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Three policies; the first solves 10 of 20 held-out problems and is promoted."""
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.problems.add(
            Problem(f"p{i}", f"What is {i}?", "1", "test", Split.HELDOUT, f"k{i}") for i in range(PROBLEMS)
        )
        for version in range(3):
            store.policies.add(Policy(version, version - 1 if version else None, f"policies/{version}"))
        score(store, 0, solved=10)
        assert promote_unless_worse(store, store.policies.get(0), 0.0) is None
        yield store


def score(store: Store, version: int, solved: int) -> None:
    evaluation = store.evaluations.schedule(version, "heldout", sampling=Sampling(0.0))
    for position, assignment in enumerate(store.assignments.lease("test", 100, 60, version)):
        outcome = Outcome.ACCEPTED if position < solved else Outcome.WRONG
        name, problem = rollout_id(assignment.id, 0), assignment.problem.id
        ids = {"prompt_ids": (1,), "token_ids": (2,), "model_mask": (True,)}
        rollout = Rollout(name, problem, Purpose.EVAL, outcome, "tir", **ids, assignment_id=assignment.id)  # type: ignore[arg-type]
        store.rollouts.add([rollout])
    store.evaluations.finish(evaluation, compute_figures(store.evaluations.answers(evaluation), 1))


def promoted(store: Store) -> int:
    policy = store.policies.promoted()
    assert policy is not None
    return policy.version


def test_a_better_policy_is_promoted_with_its_paired_difference(store: Store) -> None:
    score(store, 1, solved=12)
    comparison = promote_unless_worse(store, store.policies.get(1), 0.0)
    assert comparison is not None
    assert (comparison.ours, comparison.theirs, comparison.n) == (0.6, 0.5, PROBLEMS)
    assert comparison.difference == pytest.approx(0.1)
    assert promoted(store) == 1


def test_a_worse_policy_is_not_promoted_unless_the_loss_is_tolerated(store: Store) -> None:
    score(store, 1, solved=9)
    promote_unless_worse(store, store.policies.get(1), 0.0)
    assert promoted(store) == 0
    promote_unless_worse(store, store.policies.get(1), 0.06)
    assert promoted(store) == 1


def test_the_log_states_the_difference_and_the_decision(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    score(store, 1, solved=9)
    with caplog.at_level(logging.INFO):
        promote_unless_worse(store, store.policies.get(1), 0.0)
    assert "policy 1 against policy 0: -5.0 ± 5.0 points on 20 problems (95 % interval -15.0 to +0.0)" in caplog.text
    assert "not promoted" in caplog.text


def test_a_policy_is_not_compared_with_itself(store: Store) -> None:
    assert promote_unless_worse(store, store.policies.get(0), 0.0) is None
    assert promoted(store) == 0
