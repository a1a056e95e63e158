"""What `automathes bench` measures: a policy of a run, or a model without one, and where its attempts are kept."""

import argparse
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from actors.scoring.published import ValueFiles
from cluster.commands.values.choosing import choose_reranker
from cluster.config.loading import load_config
from cluster.config.placement import adapt_placement, place_here
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.config.value_models import value_files
from eval.benchmarks.catalogue import attempts_folder
from learner.bases.huggingface import HuggingFace
from learner.bases.registry import Base, make_base
from learner.bases.smollm2 import SmolLM2
from learner.policy_folder import check_policy_folder
from learner.publication import checksum
from learner.publication.record import read_policy_record
from store.database.urls import holds_secret
from store.records import Policy
from store.store import Store

_MODEL = 0  # the version of a model that no run published


@dataclass(frozen=True, slots=True)
class Target:
    """A policy with its settings. `folder` keeps the attempts at benchmarks, apart from every run; `runs` is around it.

    `policy` is None for a model that is to be published there first. `value` chooses among sampled attempts.
    """

    name: str
    runs: Path
    folder: RunFolder
    config: RunConfig
    policy: Policy | None
    value: ValueFiles | None = None

    def publish(self) -> Policy:
        """The policy, which is put into the folder if no run published it."""
        if self.policy is not None:
            return self.policy
        path = self.folder.policy(_MODEL)
        make_base(self.config.base, path)
        return Policy(_MODEL, None, str(path), checksum=checksum(path), iteration=0)


def bench_folder(runs: Path, name: str) -> RunFolder:
    """Where the attempts of a run or model are kept: beside the runs, since no run may find them among its own."""
    return RunFolder(attempts_folder(runs, name).absolute())


def choose_target(arguments: argparse.Namespace) -> Target:
    """Find what the options name.

    Raises:
        ConfigError: there is no such run, policy or configuration, or options contradict each other.
        PolicyFolderError: the folder of a model is incomplete.
    """
    target = _of_run(arguments) if arguments.model is None else _of_model(arguments)
    if arguments.store is not None:
        if holds_secret(arguments.store):
            raise ConfigError("--store must not hold a password: put it into ~/.pgpass or the variable PGPASSWORD")
        stored = target.config.store.model_copy(update={"url": arguments.store})
        target = replace(target, config=target.config.model_copy(update={"store": stored}))
    _require_same_settings(target)
    return target


def open_bench_store(target: Target) -> Store:
    """The store of the attempts, which is created the first time."""
    return Store.open(target.folder.store_url(target.config))


def add_policy(store: Store, policy: Policy) -> None:
    """Record the policy in the store of its attempts.

    Raises:
        ConfigError: the attempts there are those of another policy.
    """
    known = next((one for one in store.policies.all() if one.version == policy.version), None)
    if known is None:
        store.policies.add(replace(policy, parent=None, training_set_id=None, promoted=False))
        return
    if _identity(known) != _identity(policy):
        raise ConfigError(
            f"{store.masked_url} has attempts of another policy v{policy.version}: its files differ from those of "
            f"{policy.path}. Choose another name for this one (--name)"
        )
    if known.path != policy.path:
        store.policies.relocate(policy.version, policy.path)


def _of_run(arguments: argparse.Namespace) -> Target:
    for option in ("preset", "config"):
        if getattr(arguments, option):
            raise ConfigError(f"--{option} is for --model: a run has its own settings, which --set changes")
    run = find_run_folder(arguments.runs, arguments.run)
    config = adapt_placement(run.read_config(arguments.overrides))
    with run.open_store(config) as store:
        policy = _policy_of(store, arguments.policy)
        path = run.require_policy(policy)
        value = choose_reranker(store, arguments, arguments.samples)
    runs, name = run.path.parent, arguments.name or run.path.name
    own = config.model_copy(update={"store": config.store.model_copy(update={"url": None})})
    files = None if value is None else value_files(run, value)
    return Target(name, runs, bench_folder(runs, name), own, replace(policy, path=str(path)), files)


def _policy_of(store: Store, version: int | None) -> Policy:
    known = {policy.version: policy for policy in store.policies.all()}
    if version is not None and version not in known:
        listed = ", ".join(f"v{one}" for one in sorted(known)) or "none yet"
        raise ConfigError(f"--policy {version}: the run has no such policy; it has {listed}")
    policy = known[version] if version is not None else store.policies.promoted() or store.policies.latest()
    if policy is None:
        raise ConfigError("the run has no policy yet: `automathes run --resume` continues it")
    return policy


def _of_model(arguments: argparse.Namespace) -> Target:
    for option in ("run", "policy", "rerank", "value_model"):
        if getattr(arguments, option) is not None:
            raise ConfigError(f"--model measures a model without a run: leave --{option.replace('_', '-')} out")
    model, runs = arguments.model, arguments.runs
    path = Path(model).expanduser()
    if arguments.preset is None and arguments.config is None and model != "smollm2":
        raise ConfigError(
            f"--model {model}: name settings for it, with --preset or --config: its solution format, limits and engine"
        )
    preset = arguments.preset or (None if arguments.config else "smollm2")
    config = place_here(load_config(preset, arguments.config, arguments.overrides))
    config = config.model_copy(update={"base": _base(model, path)})
    name = arguments.name or (path.resolve().name if path.is_dir() else model.rpartition("/")[2])
    policy = _policy_in(path.resolve()) if path.is_dir() else None
    return Target(name, runs, bench_folder(runs, name), config, policy)


def _base(model: str, path: Path) -> Base:
    if model == "smollm2":
        return SmolLM2()
    try:
        return HuggingFace(name=str(path.resolve()) if path.is_dir() else model)
    except ValidationError:
        raise ConfigError("--model: name smollm2, a folder, or a model of the Hub (owner/name)") from None


def _policy_in(path: Path) -> Policy:
    """The policy in a folder, which stays where it is."""
    check_policy_folder(path)
    record = read_policy_record(path)
    if record is not None:
        return Policy(record.version, None, str(path), checksum=record.checksum, iteration=0)
    return Policy(_MODEL, None, str(path), config={"files": _fingerprint(path)}, iteration=0)


def _fingerprint(path: Path) -> str:
    """A hash of the files' names, sizes and times: reading the weights of a large model would take minutes."""
    files = sorted((file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in path.iterdir())
    return hashlib.sha256(repr(files).encode()).hexdigest()[:32]


def _identity(policy: Policy) -> object:
    return policy.checksum or policy.config.get("files")


def _require_same_settings(target: Target) -> None:
    """Refuse settings that would mix attempts that are not comparable."""
    if not target.folder.config_file.is_file():
        return
    before = target.folder.read_config()
    for key in ("sampler.solution_format", "sampler.limits", "sampler.engine.max_model_len", "store.url"):
        old, new = (_setting(config, key) for config in (before, target.config))
        if old != new:
            raise ConfigError(
                f"{key} is {new}, and {target.folder.path} has attempts with {old}: scores over both would mean "
                "nothing. Choose another name for these (--name)"
            )


def _setting(config: RunConfig, key: str) -> object:
    value: object = config
    for part in key.split("."):
        value = getattr(value, part)
    return value
