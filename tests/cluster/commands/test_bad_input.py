"""Errors of `automathes run`: a short message with the remedy, an exit code, and nothing left behind."""

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.cli import main
from store.records import Policy, Problem, Split
from store.store import Store

COMMAND = str(Path(sys.executable).with_name("automathes"))
NO_DASHBOARD = ("--set", "ray.dashboard=false")
UNSHARE = shutil.which("unshare")


def problems_from(path: Path) -> tuple[str, str]:
    return "--set", f'problems=[{{kind="jsonl", path="{path}"}}]'


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def error_of(capfd: pytest.CaptureFixture[str], runs: Path, code: int, *arguments: str) -> str:
    """Run `automathes run` in this process; returns its error message, which is short, if it left nothing behind."""
    assert main(["run", "--runs", str(runs), *NO_DASHBOARD, *arguments]) == code
    message = capfd.readouterr().err.strip()
    assert message.startswith("automathes: ")
    assert "Traceback" not in message
    assert message.count("\n") <= 1
    assert list(runs.glob("*")) == [], "files were left behind"
    return message


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--preset", "large"], ["'large' does not exist", "demo, smollm2, 7b"]),
        ([], ["--preset", "--config"]),
        (["--preset", "demo", "--set", "iteration.smaples=3"], ["'iteration.smaples' does not exist"]),
        (
            ["--preset", "demo", "--set", "iteration.temperature=-1"],
            ["iteration.temperature", "greater than or equal to 0"],
        ),
        (["--preset", "demo", "--set", "learner.zero_stage=1"], ["learner.zero_stage", "0, 2 or 3"]),
        (["--preset", "demo", "--set", "iteration.count"], ["a.b=value"]),
        (["--preset", "demo", "--set", "sampler.limits.max_tokens=5000"], ["max_tokens", "max_model_len"]),
        (["--preset", "demo", "--set", "problems.0.dataset=prodcuts"], ["prodcuts", "products"]),
        (["--preset", "demo", "--set", "sampler.solution_format=prose"], ["'prose' does not exist", "tir"]),
        (["--preset", "demo", "--set", "store.url=mysql://x/y"], ["mysql", "postgresql"]),
        (["--preset", "demo", "--resume"], ["--resume", "--set"]),
        (["--resume", "--dry-run"], ["--dry-run is for a new run"]),
    ],
)
def test_a_wrong_argument_is_named(
    capfd: pytest.CaptureFixture[str], runs: Path, arguments: list[str], parts: list[str]
) -> None:
    message = error_of(capfd, runs, 2, *arguments)
    assert all(part in message for part in parts), message


def test_a_missing_configuration_file_is_named(capfd: pytest.CaptureFixture[str], runs: Path) -> None:
    assert "nowhere.toml does not exist" in error_of(capfd, runs, 2, "--config", "nowhere.toml")


def test_a_broken_configuration_file_is_named_with_its_line(
    capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("preset = 'demo'\nseed = = 3\n")
    message = error_of(capfd, runs, 2, "--config", str(broken))
    assert "broken.toml" in message
    assert "line 2" in message


def test_a_broken_line_of_problems_is_named(capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "problems.jsonl"
    file.write_text(json.dumps({"question": "1+1?", "answer": "2"}) + "\n{oops\n")
    message = error_of(capfd, runs, 2, "--preset", "demo", *problems_from(file))
    assert "problems.jsonl" in message
    assert "2" in message


def test_a_problem_without_an_answer_is_named(capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "problems.jsonl"
    file.write_text(json.dumps({"question": "1+1?"}) + "\n")
    assert "answer" in error_of(capfd, runs, 2, "--preset", "demo", *problems_from(file))


def test_an_unreachable_database_is_named(capfd: pytest.CaptureFixture[str], runs: Path) -> None:
    url = "postgresql://someone@127.0.0.1:1/automathes"
    assert "127.0.0.1:1" in error_of(capfd, runs, 1, "--preset", "demo", "--set", f"store.url={url}")


@pytest.mark.parametrize("url", ["postgresql://someone:secret@host/db", "postgresql://host/db?password=secret"])
def test_a_password_in_the_url_of_the_database_is_refused(
    capfd: pytest.CaptureFixture[str], runs: Path, url: str
) -> None:
    message = error_of(capfd, runs, 2, "--preset", "demo", "--set", f"store.url={url}")
    assert "PGPASSWORD" in message
    assert "secret" not in message


def test_a_database_that_holds_another_run_is_refused(
    capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    with Store.open(url) as store:
        store.policies.add(Policy(0, None, "runs/other-1/policies/v000000"))
        before = store.run.state()
    message = error_of(capfd, runs, 2, "--preset", "demo", "--set", f"store.url={url}")
    assert "holds a run already" in message
    assert "runs/other-1" in message
    assert "--resume" in message
    with Store.open(url) as store:
        assert store.run.state() == before


def test_a_run_that_cannot_start_leaves_nothing_in_its_database(
    capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    demonstrations = tmp_path / "demonstrations.jsonl"
    demonstrations.write_text("no JSON\n")
    teacher = f'teacher={{kind = "jsonl", path = "{demonstrations}"}}'

    message = error_of(capfd, runs, 2, "--preset", "demo", "--set", f"store.url={url}", "--set", teacher)

    assert "demonstrations.jsonl, line 1" in message
    with Store.open(url) as store:
        assert store.is_empty()


def test_a_database_with_the_remains_of_a_killed_start_is_refused(
    capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    with Store.open(url) as store:
        store.problems.add([Problem("p", "1+1?", "2", "test", Split.TRAIN, "k")])
    message = error_of(capfd, runs, 2, "--preset", "demo", "--set", f"store.url={url}")
    assert "holds 1 problems and no policy" in message


def test_a_model_folder_without_weights_is_named(capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    config = {
        "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128,
        "vocab_size": 300, "model_type": "llama",
    }  # fmt: skip
    (model / "config.json").write_text(json.dumps(config))
    base = f'base={{kind="huggingface", name="{model}"}}'
    message = error_of(capfd, runs, 2, "--preset", "demo", "--set", base)
    assert str(model) in message
    assert "weights" in message


def test_a_dashboard_port_in_use_is_named(capfd: pytest.CaptureFixture[str], runs: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = error_of(
            capfd, runs, 2, "--preset", "demo", "--set", "ray.dashboard=true", "--set", f"ray.dashboard_port={port}"
        )
    assert f"port {port} is in use" in message
    assert "ray.dashboard=false" in message


def test_too_little_memory_is_refused_with_the_numbers(capfd: pytest.CaptureFixture[str], runs: Path) -> None:
    message = error_of(capfd, runs, 1, "--preset", "demo", "--set", "sampler.engine.cpu_kv_cache_gib=4000")
    assert "host memory" in message
    assert "GiB" in message


def test_a_run_that_needs_gpus_says_how_many(capfd: pytest.CaptureFixture[str], runs: Path) -> None:
    from cluster.config.machine import find_gpus

    if find_gpus():
        pytest.skip("this machine has GPUs")
    assert "8 needed" in error_of(capfd, runs, 1, "--preset", "7b")


@pytest.mark.skipif(UNSHARE is None, reason="needs util-linux's unshare")
def test_without_user_namespaces_the_message_says_how_to_allow_them(runs: Path) -> None:
    result = _in_namespaces("echo 0 > /proc/sys/user/max_user_namespaces", runs)
    assert result.returncode == 1
    assert "namespace" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(runs.glob("*")) == []


@pytest.mark.skipif(UNSHARE is None, reason="needs util-linux's unshare")
def test_too_little_disk_is_refused_with_the_numbers(runs: Path) -> None:
    runs.mkdir()
    result = _in_namespaces(f"mount -t tmpfs -o size=4m tmpfs {runs}", runs)
    assert result.returncode == 1
    assert "disk" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow  # the engine is started three times
def test_an_engine_that_refuses_the_policy_ends_the_run_with_its_reason(runs: Path) -> None:
    options = "sampler.engine.max_model_len=4096", "evaluation.problems=2", "teacher.count=5"
    settings = [part for option in options for part in ("--set", option)]
    arguments = [COMMAND, "run", "--preset", "demo", "--runs", str(runs), *NO_DASHBOARD, *settings]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=180, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("automathes: no sampler starts: ")
    assert "max_model_len (4096)" in result.stderr
    assert result.stderr.count("\n") == 1


def test_without_any_run_the_message_names_the_command_that_starts_one(
    capfd: pytest.CaptureFixture[str], runs: Path
) -> None:
    assert main(["status", "--runs", str(runs)]) == 2
    assert "automathes run --preset demo" in capfd.readouterr().err


def test_debug_shows_the_traceback(runs: Path) -> None:
    from cluster.config.run_config import ConfigError

    with pytest.raises(ConfigError):
        main(["run", "--debug", "--runs", str(runs), "--preset", "large"])


def _in_namespaces(first: str, runs: Path) -> subprocess.CompletedProcess[str]:
    """Run `automathes run` in namespaces of its own, after the shell command `first`."""
    script = f'{first} && exec "$0" "$@"'
    arguments = [COMMAND, "run", "--preset", "demo", "--runs", str(runs), *NO_DASHBOARD]
    probe = subprocess.run([str(UNSHARE), "-Urm", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this machine forbids user namespaces")
    return subprocess.run(
        [str(UNSHARE), "-Urm", "sh", "-c", script, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
