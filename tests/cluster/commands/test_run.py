"""`automathes run --dry-run` prints the configuration and the plan, and writes nothing."""

from pathlib import Path

import pytest

from cluster.cli import main
from cluster.config.loading import load_config


def test_the_resolved_configuration_and_the_plan_are_printed_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"

    assert main(["run", "--preset", "demo", "--set", "iteration.count=7", "--dry-run", "--runs", str(runs)]) == 0

    printed = capsys.readouterr().out
    assert "learner rank" in printed
    configuration = tmp_path / "printed.toml"
    configuration.write_text(printed[: printed.index("max_sampler_restarts")])
    assert load_config(None, configuration, []) == load_config("demo", None, ["iteration.count=7"])
    assert not runs.exists()


def test_a_plan_that_does_not_fit_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory = "sampler.engine.cpu_kv_cache_gib=100000"
    assert main(["run", "--preset", "demo", "--set", memory, "--dry-run", "--runs", str(tmp_path)]) == 0
    assert "The run does not fit" in capsys.readouterr().out
