"""What an earlier version wrote is still read: such a run opens, reports, resumes and serves.

Each folder beside this file holds a small run of one version, which `old_run.py` recorded.
"""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from cluster.cli import main
from cluster.config.run_folder import RunFolder
from learner.group import GangLearnerGroup
from learner.settings import LearnerJob
from store.records import Outcome, Purpose
from store.store import Store

from .old_run import optimizer_steps

COMMAND = str(Path(sys.executable).with_name("automathes"))
LIMIT_S = 400.0
ITERATION_STEPS = 10


def open_store(run: Path) -> Store:
    return Store.open(f"sqlite:///{run / 'store.db'}", create=False)


def test_its_status_is_read(old_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--run", str(old_run), "--json"]) == 0

    status = json.loads(capsys.readouterr().out)
    assert status["state"] == "stopped"
    assert (status["iterations_done"], status["iterations_asked"]) == (1, 2)
    assert status["policy"] == {"version": 2, "promoted_version": 2}
    assert status["demonstrations"] == 24
    assert status["rollouts"]["by_outcome"] == {"accepted": 12}


def test_its_records_are_read(old_run: Path) -> None:
    with open_store(old_run) as store:
        assert store.problems.counts() == {"train": 29, "heldout": 11, "excluded": 0}
        policies = store.policies.all()
        assert [policy.version for policy in policies] == [0, 1, 2]
        assert all(Path(policy.path).is_relative_to(old_run) for policy in policies)
        rollouts = list(store.rollouts.iterate(purpose=Purpose.TRAIN))
        assert len(rollouts) == 12
        assert all(rollout.outcome is Outcome.ACCEPTED and rollout.executions for rollout in rollouts)
        assert sum(1 for _ in store.training_sets.samples(2)) == store.training_sets.size(2) == 25


def test_its_report_is_written(old_run: Path) -> None:
    assert main(["report", "--run", str(old_run)]) == 0

    page = (old_run / "report.html").read_text()
    assert "demo-1" in page
    assert page.count("<svg") > 0


@pytest.mark.usefixtures("ray_session")
def test_its_optimizer_is_loaded_where_it_is_used(old_run: Path) -> None:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

    config = RunFolder(old_run).read_config(["learner.iteration.optimizer_state=keep"])
    with open_store(old_run) as store:
        policy = store.policies.require_latest()
    algorithm = AlgorithmConfig()
    algorithm.learner_job = LearnerJob(
        settings=config.learner, store_url=RunFolder(old_run).store_url(config), policy=policy.pointer
    )
    group = GangLearnerGroup(config=algorithm)
    try:
        (checkpoint,) = (old_run / "checkpoints").glob("*/learner_group")
        group.restore_from_path(checkpoint)
        (steps,) = group.foreach_learner(adam_steps())
        assert steps.get() == optimizer_steps(old_run) > 0
    finally:
        group.shutdown()


def adam_steps() -> Callable[[Any], int]:
    """A call for a rank: the steps that its optimizer has behind it."""
    return lambda learner: int(next(iter(learner.engine._model._adam.state.values()))["step"])


@pytest.mark.slow
def test_it_resumes_with_its_optimizer_state(old_run: Path) -> None:
    steps_before = optimizer_steps(old_run)
    command = [COMMAND, "run", "--resume", "--run", str(old_run), "--iterations", "1"]
    command += ["--set", "learner.iteration.optimizer_state=keep"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)

    assert done.returncode == 0, done.stdout + done.stderr
    assert optimizer_steps(old_run) == steps_before + ITERATION_STEPS
    with open_store(old_run) as store:
        assert [iteration.number for iteration in store.iterations.all() if iteration.closed_at is not None] == [1, 2]
        latest = store.policies.latest()
        assert latest is not None
        assert (latest.version, latest.parent) == (3, 2)
        assert len(list(store.rollouts.iterate(purpose=Purpose.TRAIN))) == 24


@pytest.mark.slow
def test_its_promoted_policy_is_served(old_run: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [COMMAND, "serve", "--run", str(old_run), "--port", "0"], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        client = openai.OpenAI(base_url=_address(server, log), api_key="none", max_retries=0, timeout=60.0)
        completion = client.chat.completions.create(
            model="automathes/demo-1", messages=[{"role": "user", "content": "What is 6 * 7?"}]
        )
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0, log.read_text()
    finally:
        server.kill()

    assert completion.model == "automathes/demo-1@v2"
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0


def _address(server: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(r"serving automathes/demo-1@v2 at (\S+)", log.read_text()):
            return found.group(1)
        time.sleep(0.2)
    raise AssertionError(f"the server did not start: {log.read_text()}")
