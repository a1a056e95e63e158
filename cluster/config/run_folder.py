"""The folder of a run: its configuration, store, policies, checkpoints, log and lock."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.config.loading import load_own_config, to_toml
from cluster.config.run_config import ConfigError, RunConfig
from learner.publication import version_folder
from store.records import Policy
from store.runs.policies import pruned_message
from store.store import Store

LATEST = "latest"
"""The link to the latest run, beside the folders of runs."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths in a run's folder, which holds everything that the run writes, except a store on a database server."""

    path: Path

    @property
    def config_file(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.toml"

    @property
    def policies(self) -> Path:
        """Published policies, one Hugging Face folder per version."""
        return self.path / "policies"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints: of the Algorithm after its last iteration, and of a training that is under way."""
        return self.path / "checkpoints"

    @property
    def log_file(self) -> Path:
        """The driver's log."""
        return self.path / "driver.log"

    def policy(self, version: int) -> Path:
        """The folder of a policy version, whether published yet or not."""
        return version_folder(self.policies, version)

    def find_policy(self, policy: Policy) -> Path | None:
        """The recorded folder of a policy, or its place in this folder if the run was moved; None if it is missing."""
        return next((path for path in (Path(policy.path), self.policy(policy.version)) if path.is_dir()), None)

    def require_policy(self, policy: Policy) -> Path:
        """The folder of a policy.

        Raises:
            ConfigError: it was pruned, or it is missing.
        """
        if policy.is_pruned:
            raise ConfigError(pruned_message(policy.version))
        path = self.find_policy(policy)
        if path is None:
            raise ConfigError(f"policy {policy.version} of run {self.path.name} is missing: no folder {policy.path}")
        return path

    def store_url(self, config: RunConfig) -> str:
        """The URL of the configured store, or of a SQLite file in this folder."""
        return config.store.url or f"sqlite:///{self.path / 'store.db'}"

    def open_store(self, config: RunConfig) -> Store:
        """Open the run's existing store.

        Raises:
            StoreError: it does not exist or cannot be opened.
        """
        return Store.open(self.store_url(config), create=False)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the run for this process. The system releases the lock when the process exits, however it exits.

        Raises:
            ConfigError: another process holds the lock.
        """
        with (self.path / "driver.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                holder = file.read().strip() or "?"
                raise ConfigError(
                    f"the run in {self.path} is locked by process {holder} (see `automathes status`): stop it first, "
                    "with `automathes stop` or Ctrl-C"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def has_driver_here(self) -> bool:
        """Whether a process of this machine drives the run, whatever its store says."""
        try:
            with (self.path / "driver.lock").open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def read_config(self, overrides: list[str] | None = None) -> RunConfig:
        """Read the run's configuration.

        Raises:
            ConfigError: there is none, or an override is wrong.
        """
        if not self.config_file.is_file():
            raise ConfigError(f"{self.path} is not the folder of a run: it has no config.toml")
        return load_own_config(self.config_file, overrides or [])

    def write_config(self, config: RunConfig) -> None:
        """Write the resolved configuration atomically."""
        self.path.mkdir(parents=True, exist_ok=True)
        aside = self.config_file.with_suffix(".tmp")
        aside.touch(mode=0o600)  # the store's URL may hold a password
        aside.write_text(to_toml(config), encoding="utf-8")
        aside.replace(self.config_file)


def new_run_folder(root: Path, name: str) -> RunFolder:
    """Create the next free folder of `name-1`, `name-2`, ... in `root`."""
    root.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = (root / f"{name}-{number}").absolute()
        try:
            path.mkdir()
            return RunFolder(path)
        except FileExistsError:
            number += 1


def point_latest_to(path: Path) -> None:
    """Point the link `latest`, beside the run's folder, to it."""
    link = path.parent / LATEST
    aside = path.parent / f".{LATEST}-{os.getpid()}"
    aside.unlink(missing_ok=True)
    aside.symlink_to(path.name)
    aside.replace(link)


def find_run_folder(root: Path, chosen: Path | None) -> RunFolder:
    """The chosen run, or the latest one.

    Raises:
        ConfigError: it does not exist.
    """
    if chosen is not None:
        if not chosen.is_dir():
            raise ConfigError(f"run folder {chosen} does not exist")
        return RunFolder(chosen.resolve())
    latest = root / LATEST
    if not latest.is_dir():
        raise ConfigError(
            f"there is no run in {root}/ yet: start one with `automathes run --preset demo`, or name one with "
            "--run FOLDER"
        )
    return RunFolder(latest.resolve())
