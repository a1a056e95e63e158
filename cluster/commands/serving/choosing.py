"""What `automathes serve` is to serve: policies of a run, or the one in a folder."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from actors.scoring.published import ValueFiles
from cluster.commands.values.choosing import choose_reranker
from cluster.config.loading import load_config, load_own_config
from cluster.config.placement import adapt_placement
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.config.value_models import value_files
from cluster.serving.policies.run_policies import find_promoted, find_version, locate_policy
from cluster.serving.policies.served import Versions
from cluster.serving.policies.sources import FolderSource, RunSource, Source
from learner.policy_folder import check_policy_folder
from store.records import Split
from store.store import Store

_EXAMPLE_QUESTION = "What is 12 * 34?"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be served, with the version that comes first and a question as an example."""

    source: Source
    config: RunConfig
    versions: Versions
    version: int
    question: str
    value_model: ValueFiles | None = None

    @property
    def run(self) -> RunFolder | None:
        """The run that the policies are of."""
        return self.source.folder if isinstance(self.source, RunSource) else None


def choose(arguments: argparse.Namespace) -> Chosen:
    """Find what the options name, and check that it is there.

    Raises:
        ConfigError: there is no such run, policy or configuration, or options contradict each other.
        PolicyFolderError: the folder of a policy is incomplete.
    """
    if arguments.folder is None:
        return _choose_of_run(arguments)
    for option in ("run", "policy", "beside", "collect", "rerank", "value-model"):
        if getattr(arguments, option.replace("-", "_")):
            raise ConfigError(f"--folder serves one policy without a run: leave --{option} out")
    return _choose_folder(arguments.folder, arguments)


def _choose_of_run(arguments: argparse.Namespace) -> Chosen:
    for option in ("preset", "config"):
        if getattr(arguments, option):
            raise ConfigError(f"--{option} is for --folder: a run has its own settings, which --set changes")
    folder = find_run_folder(arguments.runs, arguments.run)
    config = adapt_placement(folder.read_config(arguments.overrides))
    versions = Versions(pinned=arguments.policy, beside=tuple(dict.fromkeys(arguments.beside)))
    with folder.open_store(config) as store:
        version = _check_versions(store, folder, versions)
        reranker = choose_reranker(store, arguments)
        heldout = next(store.problems.iterate(Split.HELDOUT, limit=1), None)
    question = _EXAMPLE_QUESTION if heldout is None else heldout.question
    value_model = None if reranker is None else value_files(folder, reranker)
    return Chosen(RunSource(folder), config, versions, version, question, value_model)


def _check_versions(store: Store, folder: RunFolder, versions: Versions) -> int:
    """Check that all versions are there, and return the first."""
    pinned = versions.pinned
    main = find_promoted(store, folder) if pinned is None else find_version(store, folder, pinned)
    for policy in (main, *(find_version(store, folder, version) for version in versions.beside)):
        check_policy_folder(locate_policy(policy, folder).path)
    return main.version


def _choose_folder(given: Path, arguments: argparse.Namespace) -> Chosen:
    path = given.resolve()
    check_policy_folder(path)
    source = FolderSource(path)
    config = adapt_placement(_settings_for(path, arguments))
    version = source.open(config).locate(None).version
    return Chosen(source, config, Versions(), version, _EXAMPLE_QUESTION)


def _settings_for(path: Path, arguments: argparse.Namespace) -> RunConfig:
    """The settings that are named; else those of the run that the folder is in."""
    own = path.parent.parent / "config.toml"
    if arguments.preset is None and arguments.config is None:
        if own.is_file():
            return load_own_config(own, arguments.overrides)
        raise ConfigError(
            f"--folder {path}: name settings for it, with --preset or --config: its solution format, limits and engine"
        )
    return load_config(arguments.preset, arguments.config, arguments.overrides)
