"""A run whose policies and checkpoints are on an S3 server: killed while it samples, resumed with the copies of its
machine lost, and cut off from the server while it publishes. Each test checks one invariant.
"""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from learner.publication import checksum, is_complete
from store.artifacts.folder import folder_at
from store.records import Purpose
from store.runs.run_state import ActualState
from store.store import Store

from ...s3_server import BUCKET, S3Server
from ..driving import COMMAND, LIMIT_S, automathes, open_store, wait_for
from .disturbances import train_rollouts
from .test_loop import CONFIG, SAMPLES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

URL = f"s3://{BUCKET}/loop"
AWAY_S = 30.0


@dataclass
class Observed:
    """The state of the run at its end, and what was written until its driver was killed."""

    folder: Path
    store: Store
    output: str
    acknowledged_before_kill: set[str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, s3: S3Server) -> Iterator[Observed]:
    runs = tmp_path_factory.mktemp("runs")
    config, log, cache = runs / "loop.toml", runs / "output.txt", runs / "cache"
    config.write_text(f'{CONFIG}\n[storage]\nurl = "{URL}"\ncache = "{cache}"\n[policies]\nkeep_last = 1\n')
    folder = runs / "demo-1"
    with automathes(log, "run", "--config", str(config), "--iterations", "2", "--runs", str(runs)) as driver:
        store = open_store(folder, driver)
        wait_for(driver, log, lambda: train_rollouts(store) > 0, "the first rollouts")
        driver.kill()
        driver.wait()
    acknowledged = {rollout.id for rollout in store.rollouts.iterate()}
    time.sleep(15.0)  # its samplers end with their lifelines
    shutil.rmtree(cache)
    with automathes(log, "run", "--resume", "--runs", str(runs)) as driver:
        wait_for(driver, log, lambda: store.training_sets.unpublished() is not None, "the training of an iteration")
        s3.stop()
        threading.Timer(AWAY_S, s3.start).start()
        assert driver.wait(timeout=2 * LIMIT_S) == 0, log.read_text()
    yield Observed(folder, store, log.read_text(), acknowledged)
    store.close()


def test_the_run_finishes_both_iterations(run: Observed) -> None:
    closed = [iteration.number for iteration in run.store.iterations.all() if iteration.closed_at is not None]
    assert closed == [1, 2]
    assert run.store.run.state().actual is ActualState.STOPPED


def test_every_scheduled_rollout_is_there_exactly_once(run: Observed) -> None:
    assert run.acknowledged_before_kill <= {rollout.id for rollout in run.store.rollouts.iterate()}
    for iteration in run.store.iterations.all():
        rollouts = list(run.store.rollouts.iterate(purpose=Purpose.TRAIN, iteration=iteration.number))
        assert len(rollouts) == iteration.scheduled
        assert set(Counter(rollout.assignment_id for rollout in rollouts).values()) == {SAMPLES}


def test_policies_are_under_the_url_whole_with_the_checksums_of_the_store(run: Observed) -> None:
    policies = run.store.policies.all()
    assert len(policies) == 4  # base, warm start, two iterations
    for policy in policies:
        assert policy.path == f"{URL}/demo-1/policies/v{policy.version:06d}"
        if not policy.is_pruned:
            assert is_complete(policy.path)
            assert policy.checksum in (None, checksum(policy.path))


def test_pruned_policies_have_no_objects(run: Observed) -> None:
    for policy in run.store.policies.all():
        assert bool(folder_at(policy.path).sizes()) is not policy.is_pruned


def test_the_runs_own_folder_holds_no_policies_and_the_server_no_checkpoints_at_its_end(run: Observed) -> None:
    assert not (run.folder / "policies").exists()
    assert not list(run.folder.glob("checkpoints/training-*"))
    assert folder_at(f"{URL}/demo-1").folders() == ["policies"]


def test_no_secret_is_in_what_the_run_wrote(run: Observed) -> None:
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    status = subprocess.run(
        [COMMAND, "status", "--json", "--run", str(run.folder)], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(status.stdout)["policies"][0]["path"].startswith(URL)
    written = [(run.folder / name).read_text() for name in ("config.toml", "driver.log")]
    assert all(secret not in text for text in (run.output, status.stdout, *written))


def test_a_policy_is_served_from_the_url(run: Observed, tmp_path: Path) -> None:
    log, promoted = tmp_path / "serve.txt", run.store.policies.promoted()
    assert promoted is not None
    assert promoted.path.startswith(URL)
    with automathes(log, "serve", "--run", str(run.folder), "--port", "0") as server:
        wait_for(server, log, lambda: "at http://" in log.read_text(), "the server")
        (address,) = re.findall(r"serving \S+ at (\S+)", log.read_text())
        asked = {"model": f"automathes/{run.folder.name}", "messages": [{"role": "user", "content": "What is 6 * 7?"}]}
        answer = httpx.post(f"{address}/chat/completions", json=asked, timeout=60.0).raise_for_status().json()
    assert answer["choices"][0]["automathes"]["policy_version"] == promoted.version
