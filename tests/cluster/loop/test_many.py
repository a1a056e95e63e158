"""The same loop with two samplers and two learner ranks, sampling while the learner trains.

One run serves all tests of this module; one of its samplers is stopped for good while both are sampling: it accepts
work and never answers.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import psutil
import pytest

from store.records import Policy, Purpose
from store.runs.samplers import SamplerState, SamplerStatus
from store.store import Store

from ..driving import LIMIT_S, automathes, open_store, samplers_of, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # the whole run belongs to the first test

CONFIG = """
preset = "demo"
evaluation = { problems = 20, base = false, sampled = 4 }
promotion = { max_problems = 0 }
iteration = { count = 2, problems = 100, samples_per_problem = 4, lead = 1 }
teacher = { kind = "scripted", count = 100 }

[[problems]]
kind = "reasoning_gym"
dataset = "products"
size = 500
heldout_fraction = 0.2
config = { max_digits = 2 }

[sampler]
num_samplers = 2
cpus_per_sampler = 0.25
lease_ttl_s = 6.0
[sampler.engine]
max_concurrent_rollouts = 8
[learner]
num_ranks = 2
cpus_per_rank = 0.25
zero_stage = 2
warm_start = { steps = 60 }
iteration = { steps = 40 }
[ray]
dashboard = false
stall_s = 240.0
"""
SCHEDULED = 100 * 4


@dataclass
class Observed:
    """The state of the run after it ended; `samplers` and `was_stopped` are those at the end of the first iteration."""

    store: Store
    samplers: list[SamplerStatus]
    was_stopped: bool
    code: int
    output: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    runs = tmp_path_factory.mktemp("runs")
    config, log = runs / "many.toml", runs / "output.txt"
    config.write_text(CONFIG)
    with automathes(log, "run", "--config", str(config), "--runs", str(runs)) as driver:
        store = open_store(runs / "demo-1", driver)
        wait_for(driver, log, lambda: store.run.statistics().train.total > 0, "the first rollouts")
        wait_for(driver, log, lambda: len(working(store)) == 2, "both samplers")
        stopped = psutil.Process(samplers_of(driver.pid)[0])
        with closing(sqlite3.connect(runs / "demo-1" / "store.db", isolation_level=None, timeout=60)) as connection:
            connection.execute("BEGIN IMMEDIATE")  # so that it does not take SQLite's write lock with it
            stopped.suspend()
        wait_for(driver, log, lambda: store.policies.require_latest().iteration == 1, "the first iteration")
        was_stopped, samplers = stopped.status() == psutil.STATUS_STOPPED, store.samplers.all()
        code = driver.wait(timeout=LIMIT_S)
    yield Observed(store, samplers, was_stopped, code, log.read_text())
    store.close()


def test_the_run_succeeds_although_one_of_two_samplers_was_stopped(run: Observed) -> None:
    assert run.code == 0, run.output


def test_the_other_sampler_takes_over_the_leases_of_one_that_never_answers(run: Observed) -> None:
    """It was neither killed nor restarted by then: the expiry of its leases is enough."""
    assert run.was_stopped
    assert [sampler.starts for sampler in run.samplers] == [1, 1]


def test_each_iteration_has_every_rollout_once(run: Observed) -> None:
    for iteration in run.store.iterations.all()[:2]:
        rollouts = list(run.store.rollouts.iterate(purpose=Purpose.TRAIN, iteration=iteration.number))
        assert len({rollout.id for rollout in rollouts}) == len(rollouts) == iteration.scheduled == SCHEDULED
        assert set(Counter(rollout.assignment_id for rollout in rollouts).values()) == {4}
        assert iteration.closed_at is not None


def test_the_former_policy_samples_the_next_iteration_while_the_learner_trains(run: Observed) -> None:
    first = run.store.iterations.all()[0]
    versions = Counter(
        span.version
        for rollout in run.store.rollouts.iterate(purpose=Purpose.TRAIN, iteration=2)
        for span in rollout.spans
    )
    assert first.policy_version in versions
    assert set(versions) <= {policy.version for policy in trained(run)}


def test_both_ranks_train_one_policy_an_iteration(run: Observed) -> None:
    policies = trained(run)
    assert len(policies) == 3  # the warm start and two iterations
    assert [policy.metrics["steps"] for policy in policies] == [60, 40, 40]
    assert all(policy.metrics["loss"] > 0 for policy in policies)


def test_every_policy_has_pass_at_k_and_maj_at_k(run: Observed) -> None:
    measured: dict[int, set[str]] = {policy.version: set() for policy in trained(run)}
    for figure in run.store.evaluations.figures():
        measured[figure.policy_version].add(figure.metric)
    assert all({"pass@1", "pass@4", "maj@4"} <= metrics for metrics in measured.values())


def working(store: Store) -> list[str]:
    return [sampler.name for sampler in store.samplers.all() if sampler.state is SamplerState.SAMPLING]


def trained(run: Observed) -> list[Policy]:
    return [policy for policy in run.store.policies.all() if policy.parent is not None]
