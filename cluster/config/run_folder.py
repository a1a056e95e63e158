"""The folder of a run: where its configuration, store, policies, checkpoints and report are."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.config.run_config import ConfigError, RunConfig, load_config, to_toml
from learner.publication import version_folder
from store.store import Store

_LATEST = "latest"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths below one run's folder.

    Everything that a run writes is here, but for a store that is configured to be a database server.
    """

    path: Path

    @property
    def config_file(self) -> Path:
        """The fully resolved configuration."""
        return self.path / "config.toml"

    @property
    def policies(self) -> Path:
        """Published policies, one Hugging Face folder a version."""
        return self.path / "policies"

    @property
    def checkpoints(self) -> Path:
        """What a run goes on from: one folder an iteration."""
        return self.path / "checkpoints"

    @property
    def log_file(self) -> Path:
        """What the driver logged."""
        return self.path / "driver.log"

    def policy(self, version: int) -> Path:
        """Where the policy of a version is, or is to be."""
        return version_folder(self.policies, version)

    def store_url(self, config: RunConfig) -> str:
        """The configured store, else a SQLite file in this folder."""
        return config.store.url or f"sqlite:///{self.path / 'store.db'}"

    def open_store(self, config: RunConfig) -> Store:
        """The run's store, which is there.

        Raises:
            StoreError: it is not, or cannot be opened.
        """
        return Store.open(self.store_url(config), create=False)

    @contextmanager
    def driven(self) -> Iterator[None]:
        """Holds the run for this process; the system lets go of it when the process ends, however it ends.

        Raises:
            ConfigError: another process holds it.
        """
        with (self.path / "driver.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.seek(0)
                raise ConfigError(
                    f"the run in {self.path} is in the hands of process {lock.read().strip() or '?'} "
                    "(`automathes status`); end that first, with `automathes stop` or Ctrl-C"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def read_config(self, overrides: list[str] | None = None) -> RunConfig:
        """The configuration that the run was started with."""
        if not self.config_file.is_file():
            raise ConfigError(f"{self.path} is not the folder of a run: it has no config.toml")
        return load_config(None, self.config_file, overrides or [])

    def write_config(self, config: RunConfig) -> None:
        """Writes the resolved configuration, whole or not at all."""
        self.path.mkdir(parents=True, exist_ok=True)
        aside = self.config_file.with_suffix(".tmp")
        aside.touch(mode=0o600)  # a database's URL may hold a password
        aside.write_text(to_toml(config), encoding="utf-8")
        aside.replace(self.config_file)


def new_run_folder(root: Path, name: str) -> RunFolder:
    """A fresh folder `name-1`, `name-2`, ... below `root`."""
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
    """Makes `latest`, beside the run's folder, point to it."""
    link = path.parent / _LATEST
    aside = path.parent / f".{_LATEST}-{os.getpid()}"
    aside.unlink(missing_ok=True)
    aside.symlink_to(path.name)
    aside.replace(link)


def find_run_folder(root: Path, chosen: Path | None) -> RunFolder:
    """The chosen run, else the latest one.

    Raises:
        ConfigError: there is none.
    """
    if chosen is not None:
        if not chosen.is_dir():
            raise ConfigError(f"run folder {chosen} does not exist")
        return RunFolder(chosen.resolve())
    latest = root / _LATEST
    if not latest.is_dir():
        raise ConfigError(
            f"there is no run in {root}/ yet: start one with `automathes run --preset demo`, or name one with "
            "--run FOLDER"
        )
    return RunFolder(latest.resolve())
