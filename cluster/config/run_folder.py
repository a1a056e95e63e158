"""The folder of a run: its configuration, store, log and lock; and where its policies and checkpoints are."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cluster.config.loading import load_own_config, to_toml
from cluster.config.run_config import ConfigError, RunConfig
from learner.publication import is_complete, version_folder
from store.artifacts.folder import folder_at
from store.artifacts.location import Location, is_url, join
from store.records import Policy
from store.runs.policies import pruned_message
from store.settings import StorageSettings
from store.store import Store

LATEST = "latest"
"""The link to the latest run, beside the folders of runs."""


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths in a run's folder, which holds everything that the run writes, except a store on a database server.

    With a URL in `storage`, policies and the checkpoints of trainings are there instead.
    """

    path: Path
    storage: StorageSettings = field(default_factory=StorageSettings)

    @property
    def config_file(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.toml"

    @property
    def artifacts(self) -> Location:
        """Where policies and the checkpoints of trainings are: this folder, or the run's folder under a URL."""
        if self.storage.url is None:
            return self.path
        return join(self.storage.url, self.storage.name or self.path.name)

    @property
    def policies(self) -> Location:
        """Published policies, one Hugging Face folder per version."""
        return join(self.artifacts, "policies")

    @property
    def trainings(self) -> Location:
        """Checkpoints of trainings that are under way, and of the last one if its optimizer is kept."""
        return join(self.artifacts, "checkpoints")

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of the Algorithm after its last iteration, which only the driver reads."""
        return self.path / "checkpoints"

    @property
    def log_file(self) -> Path:
        """The driver's log."""
        return self.path / "driver.log"

    @property
    def monitoring(self) -> Path:
        """What Prometheus and Grafana keep beside the run, and what they read of it."""
        return self.path / "monitoring"

    def metrics_targets(self, part: str) -> Path:
        """Where a part of the run, such as `run` or `serve`, lists the ports of its metrics while it is connected."""
        return self.monitoring / "targets" / f"{part}.json"

    def policy(self, version: int) -> Location:
        """Where a policy version is, whether published yet or not."""
        return version_folder(self.policies, version)

    def find_policy(self, policy: Policy) -> Location | None:
        """Where a policy was recorded to be, or its place in this run if that was moved; None if it is missing.

        Raises:
            StorageError: the storage cannot be reached.
        """
        return next((place for place in (policy.path, self.policy(policy.version)) if _is_there(place)), None)

    def require_policy(self, policy: Policy) -> Location:
        """Where a policy is.

        Raises:
            ConfigError: it was pruned, or it is missing.
            StorageError: the storage cannot be reached.
        """
        if policy.is_pruned:
            raise ConfigError(pruned_message(policy.version))
        place = self.find_policy(policy)
        if place is None:
            raise ConfigError(f"policy {policy.version} of run {self.path.name} is missing: no folder {policy.path}")
        return place

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
        aside.touch(mode=0o600)  # of earlier versions, the store's URL may hold a password
        aside.write_text(to_toml(config), encoding="utf-8")
        aside.replace(self.config_file)


def new_run_folder(root: Path, name: str, storage: StorageSettings | None = None) -> RunFolder:
    """Create the next of `name-1`, `name-2`, ... that is free in `root`, and under the URL of `storage` if it has one.

    Its name there is decided now.

    Raises:
        ConfigError: the name that `storage` gives is taken under the URL.
        StorageError: the storage cannot be reached.
    """
    root.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = (root / f"{name}-{number}").absolute()
        folder = RunFolder(path, _named(storage or StorageSettings(), path.name))
        number += 1
        if folder.storage.url is not None and folder_at(folder.artifacts).folders():
            if storage is not None and storage.name is not None:
                raise ConfigError(f"storage.name: {folder.artifacts} holds another run: choose another name, or none")
            continue
        try:
            path.mkdir()
            return folder
        except FileExistsError:
            continue


def _named(storage: StorageSettings, name: str) -> StorageSettings:
    if storage.url is None or storage.name is not None:
        return storage
    return storage.model_copy(update={"name": name})


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
        ConfigError: it does not exist, or its configuration is wrong.
    """
    if chosen is not None:
        if not chosen.is_dir():
            raise ConfigError(f"run folder {chosen} does not exist")
        return _existing(chosen.resolve())
    latest = root / LATEST
    if not latest.is_dir():
        raise ConfigError(
            f"there is no run in {root}/ yet: start one with `automathes run --preset demo`, or name one with "
            "--run FOLDER"
        )
    return _existing(latest.resolve())


def _existing(path: Path) -> RunFolder:
    """A run's folder with the storage that its configuration names."""
    folder = RunFolder(path)
    return replace(folder, storage=folder.read_config().storage) if folder.config_file.is_file() else folder


def _is_there(place: Location) -> bool:
    return is_complete(place) if is_url(place) else Path(place).is_dir()
