"""`automathes plan`: the plan of memory, simulations of GPUs and of a finished run, and wrong use."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from cluster.cli import main

from ..simulation.made_run import make_run

SMALL = ("iteration.problems=100", "evaluation={problems=10}", "promotion.max_problems=10")
SETTINGS = [word for setting in SMALL for word in ("--set", setting)]


def lines(capsys: pytest.CaptureFixture[str], arguments: Sequence[str]) -> list[str]:
    assert main(["plan", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_without_simulation_the_memory_of_the_run_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["plan", "--preset", "7b"])

    printed = capsys.readouterr().out
    assert code == (0 if "The run fits." in printed else 1)
    assert "Qwen/Qwen2.5-Math-7B" in printed
    assert "kv_cache" in printed


def test_a_simulation_picks_a_split_and_its_cost(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--simulate", "--gpus", "8,16", "--price", "2", "--lead", "2", "--json", *SETTINGS]
    records = [json.loads(line) for line in lines(capsys, arguments)]

    assert [record["gpus"] for record in records] == [8, 16]
    for record in records:
        assert record["samplers"] + record["ranks"] == record["used_gpus"] <= record["gpus"]
        assert record["cost"] == pytest.approx(2 * record["used_gpus"] * record["iteration_s"] / 3600)
        assert record["lead"] == 2
        assert 0 < record["engine_utilization"] <= 1
        assert record["tokens_per_s"] > 0


def test_a_given_split_is_simulated_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--simulate", "--gpus", "8", "--samplers", "2", "--ranks", "4", "--json", *SETTINGS]
    (record,) = (json.loads(line) for line in lines(capsys, arguments))

    assert (record["samplers"], record["ranks"], record["used_gpus"]) == (2, 4, 6)


def test_the_table_fits_a_terminal_and_says_what_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    printed = lines(capsys, ["--simulate", "--gpus", "8,512", "--price", "2", *SETTINGS])

    assert printed[0].split()[:4] == ["H100", "samplers", "ranks", "seconds"]
    assert max(map(len, printed[:3])) <= 80
    assert not any("…" in line for line in printed)
    assert any(line.startswith("Of 512 GPUs") for line in printed)


def test_a_finished_run_is_set_beside_its_prediction(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path)
    own = json.loads(lines(capsys, ["--simulate", "--run", str(folder.path), "--json"])[0])
    other = json.loads(lines(capsys, ["--simulate", "--run", str(folder.path), "--samplers", "2", "--json"])[0])

    assert own["predicted"]["iteration_s"] == pytest.approx(own["measured"]["iteration_s"], rel=0.05)
    assert other["predicted"]["iteration_s"] < own["predicted"]["iteration_s"]
    assert other["measured"] == own["measured"]
    assert (other["samplers"], other["measured_with"]) == (2, {"samplers": 1, "lead": 0})


def test_a_run_gives_its_rollouts_to_gpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["--run", str(make_run(tmp_path).path)]
    arguments = ["--simulate", "--preset", "7b", "--gpus", "8", "--json", *SETTINGS]
    short, assumed = (json.loads(lines(capsys, [*arguments, *rollouts])[0]) for rollouts in (run, []))

    assert short["iteration_s"] < assumed["iteration_s"]  # 80 tokens and not 400


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--gpus", "8", "--preset", "7b"], "--gpus is for a simulation: add --simulate"),
        (["--simulate"], "--simulate needs --gpus N"),
        (["--simulate", "--gpus", "8", "--samplers", "2"], "give both --samplers and --ranks"),
        (["--simulate", "--gpus", "8", "--gpu", "B1"], "--gpu 'B1' is unknown: choose one of H200"),
        (["--simulate", "--gpus", "2"], "2 H100 do not hold a learner"),
        (["--simulate", "--gpus", "4", "--samplers", "2", "--ranks", "4"], "6 GPUs are needed"),
        (["--simulate", "--gpus", "8", "--assume", "missing.toml"], "assumptions missing.toml cannot be read"),
        (["--simulate", "--run", "missing"], "run folder missing does not exist"),
    ],
)
def test_wrong_use_is_refused(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", *arguments]) != 0
    assert message in capsys.readouterr().err
