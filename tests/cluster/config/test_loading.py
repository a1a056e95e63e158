"""Loading: presets, files and overrides on top of each other, and the round trip through TOML."""

from pathlib import Path

import pytest

from cluster.config.loading import PRESETS, load_config, to_toml
from cluster.config.run_config import ConfigError


@pytest.mark.parametrize("preset", PRESETS)
def test_the_resolved_configuration_reads_back_to_itself(preset: str, tmp_path: Path) -> None:
    config = load_config(preset, None, ["seed=7"])
    file = tmp_path / "config.toml"
    file.write_text(to_toml(config))
    assert load_config(None, file, []) == config


def test_a_file_changes_single_keys_of_its_preset(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("preset = 'demo'\n[iteration]\nproblems = 5\n")
    config = load_config(None, file, [])
    assert config.iteration.problems == 5
    assert config.iteration.samples_per_problem == load_config("demo", None, []).iteration.samples_per_problem


def test_a_table_of_another_kind_replaces_the_presets(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("preset = 'demo'\n[base]\nkind = 'huggingface'\nname = 'some/model'\n")
    base = load_config(None, file, []).base
    assert base.model_dump(exclude_none=True) == {"kind": "huggingface", "name": "some/model"}


def test_overrides_win_over_files_and_reach_into_lists(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("preset = 'demo'\n[iteration]\nproblems = 5\n")
    config = load_config(None, file, ["iteration.problems=6", "problems.1.size=33", "sandbox.preload=['sympy']"])
    assert config.iteration.problems == 6
    assert config.problems[1].size == 33  # type: ignore[union-attr]
    assert config.sandbox.preload == ("sympy",)


def test_an_override_needs_no_quotes_around_text() -> None:
    assert load_config("demo", None, ["sampler.solution_format=mario"]).sampler.solution_format == "mario"


def test_the_runs_seed_reaches_every_part_and_differs_between_sources() -> None:
    config = load_config("demo", None, ["seed=3"])
    assert (config.learner.seed, config.selection.seed, config.sampler.engine.seed) == (3, 3, 3)
    assert config.base.seed == 3  # type: ignore[union-attr]
    seeds = [source.seed for source in config.problems]  # type: ignore[union-attr]
    assert len(set(seeds)) == len(seeds)


def test_a_part_keeps_its_own_seed() -> None:
    assert load_config("demo", None, ["seed=3", "learner.seed=9"]).learner.seed == 9


@pytest.mark.parametrize("override", ["problems.9.size=3", "problems.size=3", "seed.low=1", "=3", "a..b=1"])
def test_an_override_that_leads_nowhere_is_refused(override: str) -> None:
    with pytest.raises(ConfigError):
        load_config("demo", None, [override])
