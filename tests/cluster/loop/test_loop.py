"""Two iterations of the whole loop on its real parts, through every disturbance that a run must survive.

One run serves all tests of this module: it is paused and resumed, its jails, its sampler and its driver are killed, the
next drivers are stopped by a command and by Ctrl-C, and the last one finishes the run. Each test checks one invariant.
"""

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.records import Decision, Outcome, Purpose, Rollout, SegmentKind, Split
from store.runs.run_state import ActualState
from store.store import Store

from ..driving import COMMAND, LIMIT_S, automathes, open_store, processes_of, wait_for
from ..monitoring.programs import needs_prometheus
from ..monitoring.watching import FAST, Watch, has_gpus, shown_queries, watching
from .disturbances import control, end_driver, kill_jails, kill_samplers, pause_and_resume, train_rollouts
from .tracking.reading import read_tensorboard

# The whole run belongs to the first test. Each wait inside has a limit of its own, LIMIT_S.
pytestmark = pytest.mark.timeout(1800)

CONFIG = """
preset = "demo"
evaluation = { problems = 40, base = false }
promotion = { max_problems = 0 }
iteration = { count = 3, problems = 90, samples_per_problem = 4 }
teacher = { kind = "scripted", count = 120 }

[[problems]]
kind = "reasoning_gym"
dataset = "products"
size = 600
heldout_fraction = 0.2
config = { max_digits = 2 }

[sampler]
lease_ttl_s = 6.0
pause_release_s = 1.0
[sampler.engine]
max_concurrent_rollouts = 16
[learner]
warm_start = { steps = 120 }
iteration = { steps = 30 }
[tracking]
to = ["tensorboard"]
[ray]
dashboard = false
stall_s = 240.0
"""
PROBLEMS, SAMPLES = 90, 4


@dataclass
class Observed:
    """The state of the run after all disturbances, and observations made on the way."""

    folder: Path
    store: Store
    written_before_pause: int
    written_while_paused: int
    killed_jails: set[int]
    killed_samplers: set[int]
    samplers_afterwards: set[int]
    acknowledged_before_driver_kill: set[str]
    leftover_processes: list[str]
    watch: Watch | None
    ends: dict[str, tuple[int, str]]  # exit code and output of a driver, by what ended it


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    runs = tmp_path_factory.mktemp("runs")
    config = runs / "loop.toml"
    config.write_text(CONFIG)
    folder = runs / "demo-1"
    log = runs / "output.txt"
    with ExitStack() as beside:
        with automathes(
            log, "run", "--config", str(config), "--iterations", "2", "--runs", str(runs), **FAST
        ) as driver:
            store = open_store(folder, driver)
            watch = beside.enter_context(watching(folder))
            wait_for(driver, log, lambda: train_rollouts(store) > 0, "the first rollouts")
            paused = pause_and_resume(runs, store, driver, log)
            jails = kill_jails(driver)
            samplers = kill_samplers(driver, log)
            wait_for(driver, log, lambda: store.iterations.progress(2)[0] > 40, "rollouts of the second iteration")
            driver.kill()
            driver.wait()
        leftover_processes = processes_of(folder, within_s=30.0)
        acknowledged = {rollout.id for rollout in store.rollouts.iterate()}
        ends = {
            "stop": end_driver(runs, lambda _: control(runs, "stop"), "stopped.txt"),
            "Ctrl-C": end_driver(runs, lambda driver: driver.send_signal(signal.SIGINT), "interrupted.txt"),
        }
        with automathes(log, "run", "--resume", "--runs", str(runs), **FAST) as driver:
            assert driver.wait(timeout=LIMIT_S) == 0, log.read_text()
        yield Observed(folder, store, *paused, jails, *samplers, acknowledged, leftover_processes, watch, ends)
        store.close()


def test_run_finishes_both_iterations_after_all_disturbances(run: Observed) -> None:
    closed = [iteration.number for iteration in run.store.iterations.all() if iteration.closed_at is not None]
    assert closed == [1, 2]
    assert run.store.run.state().actual is ActualState.STOPPED


def test_every_scheduled_rollout_is_there_exactly_once(run: Observed) -> None:
    for iteration in run.store.iterations.all():
        rollouts = list(run.store.rollouts.iterate(purpose=Purpose.TRAIN, iteration=iteration.number))
        assert len(rollouts) == iteration.scheduled == PROBLEMS * SAMPLES
        assert set(Counter(rollout.assignment_id for rollout in rollouts).values()) == {SAMPLES}


def test_no_acknowledged_rollout_is_lost_when_the_driver_is_killed(run: Observed) -> None:
    assert run.acknowledged_before_driver_kill <= {rollout.id for rollout in run.store.rollouts.iterate()}


def test_nothing_is_sampled_while_the_run_is_paused(run: Observed) -> None:
    """The engines ended meanwhile, and their memory was free; the rollouts after it are from new ones."""
    assert run.written_before_pause > 0
    assert run.written_while_paused == 0


def test_killed_jails_leave_no_trace_in_the_outcomes(run: Observed) -> None:
    assert len(run.killed_jails) > 1
    for rollout in _sampled(run):
        assert (rollout.outcome is Outcome.FAULT, rollout.fault) == (False, None)
        assert "sandbox_failure" not in {execution.status for execution in rollout.executions}


def test_a_killed_sampler_is_replaced_and_the_run_continues(run: Observed) -> None:
    assert run.killed_samplers
    assert run.samplers_afterwards - run.killed_samplers


def test_a_killed_driver_leaves_no_process_behind(run: Observed) -> None:
    assert run.leftover_processes == []


@pytest.mark.parametrize("ended_by", ["stop", "Ctrl-C"])
def test_a_stopped_run_ends_at_a_safe_point_and_prints_how_to_resume(run: Observed, ended_by: str) -> None:
    code, output = run.ends[ended_by]
    assert code == 0, output
    assert "automathes run --resume" in output
    assert "Traceback" not in output


def test_a_tracker_has_every_policy_and_step_once_in_spite_of_all_drivers(run: Observed) -> None:
    series = read_tensorboard(run.folder / "tensorboard")
    measured = [policy for policy in run.store.policies.all() if policy.decision is not None]
    assert [step for step, _ in series["policy_version"]] == [policy.version for policy in measured]
    assert len(series["heldout/pass_at_1"]) == len(measured)
    steps = [step for step, _ in series["training/step"]]
    assert steps
    assert steps == sorted(set(steps))


def test_policies_are_published_whole_and_their_versions_grow(run: Observed) -> None:
    from learner.publication import is_complete

    policies = run.store.policies.all()
    assert [policy.version for policy in policies] == sorted({policy.version for policy in policies})
    assert len(policies) == 4  # base, warm start, two iterations
    assert all(is_complete(Path(policy.path)) for policy in policies)


def test_each_policy_but_the_base_is_measured_on_held_out_problems(run: Observed) -> None:
    measured = {f.policy_version for f in run.store.evaluations.figures() if f.metric == "pass@1" and f.figure.n == 40}
    assert measured == {policy.version for policy in run.store.policies.all()} - {0}


def test_each_promotion_is_decided_and_the_policy_that_was_promoted_last_is_served(run: Observed) -> None:
    decisions = {policy.version: policy.decision for policy in run.store.policies.all() if policy.parent is not None}
    assert None not in decisions.values()
    promoted = run.store.policies.promoted()
    assert promoted is not None
    assert promoted.version == max(version for version, one in decisions.items() if one is Decision.PROMOTED)


def test_the_run_ends_with_the_number_of_iterations_that_was_asked_for_before_its_driver_was_killed(
    run: Observed,
) -> None:
    assert run.store.run.state().target_iterations == 2


def test_the_lag_of_every_rollout_is_zero_where_sampling_is_not_ahead_of_training(run: Observed) -> None:
    assert {rollout.lag for rollout in _sampled(run)} == {0}


def test_the_figures_of_each_policy_have_their_errors(run: Observed) -> None:
    figures = [one.figure for one in run.store.evaluations.figures()]
    assert all(f.missing == 0 and f.low is not None and f.high is not None for f in figures)
    assert all(f.low <= f.value <= f.high for f in figures if f.low is not None and f.high is not None)


def test_each_iteration_keeps_its_comparison_with_the_promoted_policy(run: Observed) -> None:
    for iteration in run.store.iterations.all():
        measured, comparison = iteration.metrics["measured"]["pass@1"], iteration.metrics["comparison"]
        assert measured["value"] == iteration.metrics["pass@1"] == comparison["ours"]
        assert comparison["n"] == measured["n"] == 40
        assert comparison["low"] <= comparison["difference"] <= comparison["high"]


def test_held_out_problems_never_train_a_policy(run: Observed) -> None:
    heldout = {problem.id for problem in run.store.problems.iterate(split=Split.HELDOUT)}
    trained = {i for policy in run.store.policies.all() for i in run.store.training_sets.trained_on(policy.version)}
    assert trained
    assert not heldout & {rollout.problem_id for rollout in run.store.rollouts.iterate() if rollout.id in trained}


def test_rollouts_carry_code_that_was_run_and_accepted_answers(run: Observed) -> None:
    accepted = list(run.store.rollouts.iterate(purpose=Purpose.TRAIN, outcome=Outcome.ACCEPTED))
    assert accepted
    assert any(rollout.executions for rollout in accepted)


def test_every_sampled_token_has_a_policy_version(run: Observed) -> None:
    for rollout in _sampled(run):
        covered = [i for span in rollout.spans for i in range(span.start, span.end)]
        assert covered == [i for i, by_model in enumerate(rollout.model_mask) if by_model]


def test_only_the_interpreters_words_are_masked_out(run: Observed) -> None:
    from actors.formats import get_format
    from actors.rollouts.codec import Codec

    codec = Codec.from_folder(run.store.policies.get(0).path, get_format("tir"))
    for rollout in _sampled(run):
        outputs = [s.text for s in rollout.segments if s.kind is SegmentKind.OUTPUT]
        masked = [t for t, by_model in zip(rollout.token_ids, rollout.model_mask, strict=True) if not by_model]
        assert masked == [token for text in outputs for token in codec.output(text)]


def test_the_learner_reads_the_very_tokens_that_were_sampled(run: Observed) -> None:
    from learner.samples import read_samples

    promoted = run.store.policies.all()[-1]
    assert promoted.training_set_id is not None
    by_id = {rollout.id: rollout for rollout in run.store.rollouts.iterate()}
    for sample in read_samples(run.store.url, promoted.training_set_id):
        assert (sample.prompt_ids, sample.token_ids, sample.model_mask) == (
            by_id[sample.id].prompt_ids,
            by_id[sample.id].token_ids,
            by_id[sample.id].model_mask,
        )


@needs_prometheus
@pytest.mark.parametrize("query", shown_queries())
def test_prometheus_has_what_the_panels_of_the_dashboards_show(run: Observed, query: str) -> None:
    assert run.watch is not None
    if "gpus" in query and not has_gpus():
        pytest.skip("there is no GPU")
    assert run.watch.series(query), f"no data for {query}"


@needs_prometheus
def test_prometheus_has_seen_the_failures_of_the_killed_jails(run: Observed) -> None:
    assert run.watch is not None
    (failures,) = run.watch.series("sum(max_over_time(ray_automathes_sandbox_failures_total[1h]))")
    assert failures > 0


def test_status_prints_the_run_as_one_json_object(run: Observed) -> None:
    answer = subprocess.run(
        [COMMAND, "status", "--json", "--run", str(run.folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    status = json.loads(answer.stdout)
    assert status["iteration"] == 2
    assert status["rollouts"]["total"] == 2 * PROBLEMS * SAMPLES
    assert status["policy"]["promoted_version"] == run.store.policies.promoted().version
    assert Path(status["checkpoint"]).is_dir()


def _sampled(run: Observed) -> list[Rollout]:
    return list(run.store.rollouts.iterate(purpose=Purpose.TRAIN))
