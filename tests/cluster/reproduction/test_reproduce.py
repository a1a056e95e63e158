"""`automathes reproduce` as a user meets it."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.config.run_config import ConfigError
from cluster.reproduction.mario import MarioPaths, mario_stages
from cluster.reproduction.scales import FULL, SMALL, TeacherChoice, with_data, with_teacher

from ..driving import COMMAND


def test_a_dry_run_names_the_stages_and_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["reproduce", "mario", "--scale", "full", "--dry-run", "--teacher-price", "2,8", "--out", str(tmp_path)])
        == 0
    )
    text = capsys.readouterr().out
    assert [line.split(":")[0].strip() for line in text.splitlines()[1:7]] == [
        "problems", "annotation", "training", "evaluation", "value", "benchmarks",
    ]  # fmt: skip
    assert "three attempts at each of 13,476 problems: $350 at --teacher-price 2,8" in text
    assert "GPU-hours" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--scale", "small"), "--scale small needs a teacher: --teacher-url URL"),
        (("--scale", "small", "--teacher-url", "http://localhost:1/v1"), "name its model with --teacher-model"),
        (("--scale", "small", "--demonstrations", "none.jsonl"), "--demonstrations none.jsonl: there is no such file"),
        (("--scale", "small", "--data", "nowhere"), "--data nowhere: there is no gsm8k/train.jsonl"),
        (("--from", "lunch"), "--from lunch: there is no such stage: choose one of problems, annotation"),
    ],
)
def test_wrong_use_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert main(["reproduce", "mario", "--out", str(tmp_path / "out"), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_written_demonstrations_take_the_place_of_the_annotation(tmp_path: Path) -> None:
    written = with_teacher(SMALL, TeacherChoice(demonstrations=tmp_path / "written.jsonl"))
    stages = {stage.name: stage for stage in mario_stages(written, MarioPaths(tmp_path))}
    assert list(stages) == ["problems", "training", "evaluation", "value", "benchmarks"]
    assert stages["training"].settings["config"]["teacher"] == {
        "kind": "jsonl",
        "path": str(tmp_path / "written.jsonl"),
    }


def test_a_teacher_is_asked_in_the_format_that_the_policy_is_trained_in(tmp_path: Path) -> None:
    chosen = with_teacher(FULL, TeacherChoice(model="m", base_url="http://localhost:1/v1", price="2,8", budget="50"))
    stages = {stage.name: stage for stage in mario_stages(chosen, MarioPaths(tmp_path))}
    arguments = stages["annotation"].steps[0].arguments({})
    assert arguments[arguments.index("--format") + 1] == "mario_html"
    assert arguments[arguments.index("--budget") + 1] == "50"
    assert stages["training"].settings["config"]["sampler"] == {"solution_format": "mario_html"}


def test_problems_are_read_from_files_where_a_folder_is_given(tmp_path: Path) -> None:
    for name in ("gsm8k", "math"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.jsonl").touch()
    assert with_data(FULL, tmp_path).problems == tuple(
        (str(tmp_path / name / "train.jsonl"), "--name", name) for name in ("gsm8k", "math")
    )
    with pytest.raises(ConfigError, match=r"there is no gsm8k/train\.jsonl"):
        with_data(FULL, tmp_path / "gsm8k")


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_it_is_killed_twice_and_ends_with_its_report(tmp_path: Path) -> None:
    folder, chance = tmp_path / "tiny", random.Random(0)
    command = [COMMAND, "reproduce", "mario", "--scale", "tiny", "--out", str(folder)]
    with (tmp_path / "log").open("ab") as log:
        for stage in ("annotation", "training"):
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
            while not (folder / "stages" / f"{stage}.json").is_file():
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.5)
            time.sleep(chance.uniform(5, 30))
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert subprocess.run(command, stdout=log, stderr=log).returncode == 0, (tmp_path / "log").read_text()
    record = json.loads((folder / "report.json").read_text())
    starts = {stage["stage"]: stage["starts"] for stage in record["stages"]}
    assert starts == {"problems": 1, "annotation": 2, "training": 2, "evaluation": 1, "value": 1}
    assert record["value"]["auc"]["value"] > 0.7
    assert abs(record["value"]["control_auc"]["value"] - 0.5) < 0.06
    assert record["annotation"]["verdicts"]["verified"] > 290
