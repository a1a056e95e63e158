"""Keys of earlier versions: a run that has them is read, and a user's file gets an error that names the new key."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from cluster.cli import main
from cluster.config.loading import load_config, load_own_config, to_toml
from cluster.config.renamed import RENAMED
from cluster.config.run_config import ConfigError, RunConfig

OLD_RUN = Path(__file__).parents[2] / "old_runs/schema_0003/config.toml"


def value(config: RunConfig, key: str) -> Any:
    found: Any = config
    for part in key.split("."):
        found = getattr(found, part)
    return found


def old_run(folder: Path, **lines: str) -> Path:
    """The configuration of a run of an earlier version, in which some lines are replaced."""
    text = OLD_RUN.read_text()
    for name, line in lines.items():
        (old,) = [candidate for candidate in text.splitlines() if candidate.startswith(f"{name} = ")]
        text = text.replace(old, line)
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_the_configuration_of_an_old_run_is_read(tmp_path: Path) -> None:
    config = load_own_config(old_run(tmp_path), [])
    assert config.iteration.lead == 0
    assert config.ray.stall_s == 240.0
    assert config.ray.samplers_lost_s == 600.0
    assert config.sampler.engine.start_s == 900.0


def test_an_old_run_that_sampled_while_it_learned_goes_on_doing_so(tmp_path: Path) -> None:
    assert load_own_config(old_run(tmp_path, overlap="overlap = true"), []).iteration.lead == 1


def test_a_new_key_comes_before_an_old_one(tmp_path: Path) -> None:
    path = old_run(tmp_path, overlap="overlap = true\nlead = 3")
    assert load_own_config(path, []).iteration.lead == 3


def test_an_override_of_an_old_run_uses_the_new_keys(tmp_path: Path) -> None:
    path = old_run(tmp_path)
    assert load_own_config(path, ["iteration.lead=2"]).iteration.lead == 2
    with pytest.raises(ConfigError, match=r"--set: iteration\.overlap was replaced by iteration\.lead"):
        load_own_config(path, ["iteration.overlap=true"])


@pytest.mark.parametrize("key", RENAMED)
def test_an_old_key_is_refused_with_what_to_write_instead(key: str, tmp_path: Path) -> None:
    new = RENAMED[key].key
    message = f"{key} was replaced by {new}" if new else f"{key} no longer exists: omit it"
    with pytest.raises(ConfigError, match=message):
        load_config("demo", None, [f"{key}=1"])
    table, _, name = key.rpartition(".")
    file = tmp_path / "mine.toml"
    file.write_text(f"preset = 'demo'\n[{table}]\n{name} = 1\n")
    with pytest.raises(ConfigError, match=f"{re.escape(str(file))}: {message}"):
        load_config(None, file, [])


@pytest.mark.parametrize("key", [renamed.key for renamed in RENAMED.values() if renamed.key])
def test_every_new_key_exists(key: str) -> None:
    value(load_config("demo", None, []), key)


def test_the_command_line_prints_it_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("preset = 'demo'\n[iteration]\noverlap = true\n")
    assert main(["run", "--config", str(file), "--dry-run", "--runs", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "iteration.overlap was replaced by iteration.lead" in line


def test_a_resolved_configuration_has_no_old_key(tmp_path: Path) -> None:
    shutil.copy(OLD_RUN, tmp_path / "config.toml")
    (tmp_path / "again.toml").write_text(to_toml(load_own_config(tmp_path / "config.toml", [])))
    assert load_config(None, tmp_path / "again.toml", []) == load_own_config(tmp_path / "config.toml", [])


OLD_LEARNER = """
preset = "demo"
[learner]
build_timeout_s = 60.0
update_timeout_s = 7200.0
save_timeout_s = 100.0
[learner.iteration]
optimizer_state = "carry"
steps = 3
[base]
kind = "tiny_llama"
[[problems]]
kind = "reasoning_gym"
dataset = "products"
size = 10
"""


def test_limits_on_duration_of_an_old_run_become_the_default_limits_on_silence(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(OLD_LEARNER)
    learner = load_own_config(file, []).learner
    assert (learner.start_silence_s, learner.silence_s, learner.silence_s_per_gib) == (900.0, 300.0, 30.0)
    assert learner.iteration.optimizer_state == "keep"
    assert learner.keeps_optimizer


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("learner.update_timeout_s=60", r"learner\.update_timeout_s was replaced by learner\.silence_s"),
        ("learner.save_timeout_s=60", r"learner\.save_timeout_s was replaced by learner\.silence_s_per_gib"),
        ("learner.iteration.optimizer_state=carry", r"optimizer_state = 'carry' was replaced by 'keep'"),
    ],
)
def test_a_user_is_told_the_new_name(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("demo", None, [override])


def test_an_old_run_with_a_password_in_the_url_of_its_store_is_read_but_takes_no_new_one(tmp_path: Path) -> None:
    url = "postgresql://automathes:swordfish@host/run"
    path = old_run(tmp_path)
    path.write_text(path.read_text().replace("[store]", f'[store]\nurl = "{url}"'))
    assert load_own_config(path, []).store.url == url
    for override in (f"store.url={url}", f" store.url={url}"):
        with pytest.raises(ConfigError, match="must not hold a password"):
            load_own_config(path, [override])
