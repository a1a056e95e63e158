"""What a resumed run takes for judged: a score alone does not say that its iteration was closed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.algorithm import SelfTraining
from cluster.config import load_config
from learner.settings import Phase
from store.records import Policy, Problem, Sampling, Split
from store.store import Store

DEMO = load_config("demo", None, [])


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[SelfTraining]:
    """The loop over a store with a base policy and a warm start, without samplers and learner."""
    loop: SelfTraining = object.__new__(SelfTraining)
    loop.run = DEMO
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as loop.store:
        loop.store.add_problems([Problem("p", "What is 1?", "1", "test", Split.HELDOUT, "k")])
        loop.store.add_policy(Policy(0, None, "v0"))
        loop.store.add_policy(Policy(1, 0, "v1", config={"phase": Phase.WARM_START.value}))
        yield loop


def score(store: Store, version: int, value: float) -> None:
    evaluation = store.schedule_evaluation(version, "heldout", sampling=Sampling(0.0))
    store.finish_evaluation(evaluation, {"pass@1": value}, 1)


def test_a_first_policy_that_was_measured_is_judged_once_it_is_promoted(loop: SelfTraining) -> None:
    assert not loop._is_judged(loop.store.policy(1))
    score(loop.store, 1, 0.5)
    assert not loop._is_judged(loop.store.policy(1))
    loop.store.promote(1)
    assert loop._is_judged(loop.store.policy(1))


def test_an_iterations_policy_is_judged_once_its_iteration_is_closed(loop: SelfTraining) -> None:
    score(loop.store, 1, 0.5)
    loop.store.promote(1)
    loop.store.open_iteration(1, 1)
    loop.store.add_policy(Policy(2, 1, "v2", config={"phase": Phase.ITERATION.value}))
    score(loop.store, 2, 0.4)  # worse: it is never promoted
    assert not loop._is_judged(loop.store.policy(2))
    loop.store.close_iteration(1, {"policy_version": 2})
    assert loop._is_judged(loop.store.policy(2))


def test_a_policy_that_is_better_is_not_judged_before_it_is_promoted(loop: SelfTraining) -> None:
    score(loop.store, 0, 0.0)
    loop.store.promote(0)
    score(loop.store, 1, 0.5)
    assert not loop._is_judged(loop.store.policy(1))


def test_a_warm_start_that_is_worse_than_the_base_is_judged(loop: SelfTraining) -> None:
    score(loop.store, 0, 0.5)
    loop.store.promote(0)
    score(loop.store, 1, 0.1)
    assert loop._is_judged(loop.store.policy(1))
