"""What goes wrong in users' hands: a line or two with the remedy, an exit code, and nothing half done."""

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


def complaint(capfd: pytest.CaptureFixture[str], runs: Path, code: int, *arguments: str) -> str:
    """Runs `automathes run` in this process; what it says on stderr, once that has the form of a complaint."""
    assert main(["run", "--runs", str(runs), *NO_DASHBOARD, *arguments]) == code
    said = capfd.readouterr().err.strip()
    assert said.startswith("automathes: ")
    assert "Traceback" not in said
    assert said.count("\n") <= 1
    assert list(runs.glob("*")) == [], "something was left behind"
    return said


@pytest.mark.parametrize(
    ("arguments", "words"),
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
    capfd: pytest.CaptureFixture[str], runs: Path, arguments: list[str], words: list[str]
) -> None:
    said = complaint(capfd, runs, 2, *arguments)
    assert all(word in said for word in words), said


def test_a_missing_configuration_file_is_named(capfd: pytest.CaptureFixture[str], runs: Path) -> None:
    assert "nowhere.toml does not exist" in complaint(capfd, runs, 2, "--config", "nowhere.toml")


def test_a_broken_configuration_file_is_named_with_its_line(
    capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("preset = 'demo'\nseed = = 3\n")
    said = complaint(capfd, runs, 2, "--config", str(broken))
    assert "broken.toml" in said
    assert "line 2" in said


def test_a_broken_line_of_problems_is_named(capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "problems.jsonl"
    file.write_text(json.dumps({"question": "1+1?", "answer": "2"}) + "\n{oops\n")
    said = complaint(capfd, runs, 2, "--preset", "demo", *problems_from(file))
    assert "problems.jsonl" in said
    assert "2" in said


def test_a_problem_without_an_answer_is_named(capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path) -> None:
    file = tmp_path / "problems.jsonl"
    file.write_text(json.dumps({"question": "1+1?"}) + "\n")
    assert "answer" in complaint(capfd, runs, 2, "--preset", "demo", *problems_from(file))


def test_an_unreachable_database_is_named_without_its_password(capfd: pytest.CaptureFixture[str], runs: Path) -> None:
    url = "postgresql://someone:secret@127.0.0.1:1/automathes"
    said = complaint(capfd, runs, 1, "--preset", "demo", "--set", f"store.url={url}")
    assert "127.0.0.1:1" in said
    assert "secret" not in said


def test_a_database_that_holds_another_run_is_refused(
    capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    with Store.open(url) as store:
        store.policies.add(Policy(0, None, "runs/other-1/policies/v000000"))
        before = store.run.state()
    said = complaint(capfd, runs, 2, "--preset", "demo", "--set", f"store.url={url}")
    assert "holds a run already" in said
    assert "runs/other-1" in said
    assert "--resume" in said
    with Store.open(url) as store:
        assert store.run.state() == before


def test_a_run_that_cannot_start_leaves_nothing_in_its_database(
    capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    demonstrations = tmp_path / "demonstrations.jsonl"
    demonstrations.write_text("no JSON\n")
    teacher = f'teacher={{kind = "jsonl", path = "{demonstrations}"}}'

    said = complaint(capfd, runs, 2, "--preset", "demo", "--set", f"store.url={url}", "--set", teacher)

    assert "demonstrations.jsonl, line 1" in said
    with Store.open(url) as store:
        assert store.is_empty()


def test_a_database_with_the_remains_of_a_start_is_refused(
    capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    with Store.open(url) as store:
        store.problems.add([Problem("p", "1+1?", "2", "test", Split.TRAIN, "k")])
    said = complaint(capfd, runs, 2, "--preset", "demo", "--set", f"store.url={url}")
    assert "holds 1 problems and no policy" in said


def test_a_model_folder_without_weights_is_named(capfd: pytest.CaptureFixture[str], runs: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    config = {
        "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128,
        "vocab_size": 300, "model_type": "llama",
    }  # fmt: skip
    (model / "config.json").write_text(json.dumps(config))
    base = f'base={{kind="huggingface", name="{model}"}}'
    said = complaint(capfd, runs, 2, "--preset", "demo", "--set", base)
    assert str(model) in said
    assert "weights" in said


def test_a_dashboard_port_in_use_is_named(capfd: pytest.CaptureFixture[str], runs: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = complaint(
            capfd, runs, 2, "--preset", "demo", "--set", "ray.dashboard=true", "--set", f"ray.dashboard_port={port}"
        )
    assert f"port {port} is in use" in said
    assert "ray.dashboard=false" in said


def test_too_little_memory_is_told_with_the_numbers(capfd: pytest.CaptureFixture[str], runs: Path) -> None:
    said = complaint(capfd, runs, 1, "--preset", "demo", "--set", "sampler.engine.cpu_kv_cache_gib=4000")
    assert "host memory" in said
    assert "GiB" in said


def test_a_run_that_needs_gpus_says_how_many(capfd: pytest.CaptureFixture[str], runs: Path) -> None:
    from cluster.config.machine import find_gpus

    if find_gpus():
        pytest.skip("there are GPUs here")
    assert "8 are wanted" in complaint(capfd, runs, 1, "--preset", "7b")


@pytest.mark.skipif(UNSHARE is None, reason="util-linux's unshare is not here")
def test_a_machine_without_user_namespaces_is_told_how_to_allow_them(runs: Path) -> None:
    answer = _in_namespaces("echo 0 > /proc/sys/user/max_user_namespaces", runs)
    assert answer.returncode == 1
    assert "namespace" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert list(runs.glob("*")) == []


@pytest.mark.skipif(UNSHARE is None, reason="util-linux's unshare is not here")
def test_too_little_disk_is_told_with_the_numbers(runs: Path) -> None:
    runs.mkdir()
    answer = _in_namespaces(f"mount -t tmpfs -o size=4m tmpfs {runs}", runs)
    assert answer.returncode == 1
    assert "disk" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_engine_that_refuses_the_policy_ends_the_run_with_its_reason(runs: Path) -> None:
    options = "sampler.engine.max_model_len=4096", "evaluation.problems=2", "teacher.count=5"
    settings = [part for option in options for part in ("--set", option)]
    arguments = [COMMAND, "run", "--preset", "demo", "--runs", str(runs), *NO_DASHBOARD, *settings]
    answer = subprocess.run(arguments, capture_output=True, text=True, timeout=180, check=False)
    assert answer.returncode == 1
    assert answer.stderr.startswith("automathes: no sampler takes policy 0: ")
    assert "max_model_len (4096)" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_no_run_yet_is_told_with_the_command_that_starts_one(capfd: pytest.CaptureFixture[str], runs: Path) -> None:
    assert main(["status", "--runs", str(runs)]) == 2
    assert "automathes run --preset demo" in capfd.readouterr().err


def test_debug_shows_the_traceback(runs: Path) -> None:
    from cluster.config.run_config import ConfigError

    with pytest.raises(ConfigError):
        main(["run", "--debug", "--runs", str(runs), "--preset", "large"])


def test_help_needs_nothing_heavy() -> None:
    script = "import sys; from cluster.cli import make_parser; make_parser().format_help(); print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert not {"torch", "ray", "vllm", "transformers", "sqlalchemy", "rich"} & set(answer.stdout.split())


def _in_namespaces(first: str, runs: Path) -> subprocess.CompletedProcess[str]:
    """`automathes run` where `first` was done to the machine, in namespaces of its own."""
    script = f'{first} && exec "$0" "$@"'
    arguments = [COMMAND, "run", "--preset", "demo", "--runs", str(runs), *NO_DASHBOARD]
    probe = subprocess.run([str(UNSHARE), "-Urm", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("this machine allows no user namespaces")
    return subprocess.run(
        [str(UNSHARE), "-Urm", "sh", "-c", script, *arguments], capture_output=True, text=True, timeout=120, check=False
    )
