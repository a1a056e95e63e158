"""Where served policies come from: a run, or a folder with a single one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder
from cluster.serving.policies.run_policies import RunPolicies
from learner.publication.record import read_policy_record
from store.records import PolicyPointer


class Policies(Protocol):
    """The policies of a source, as they are now."""

    def promoted_version(self) -> int | None:
        """The version to serve, None if there is none.

        Raises:
            StoreError: it cannot be read now.
        """
        ...

    def locate(self, version: int | None) -> PolicyPointer:
        """Where a version is, or the one to serve.

        Raises:
            ConfigError: there is no such policy, or its folder is missing.
            StorageError: the storage cannot be reached.
        """
        ...

    def close(self) -> None:
        """Close what was opened."""
        ...


class Source(Protocol):
    """Names policies. It is sent to the replicas, and opened there."""

    @property
    def name(self) -> str:
        """The name in the ids of models."""
        ...

    def open(self, config: RunConfig) -> Policies:
        """Open the policies."""
        ...


@dataclass(frozen=True, slots=True)
class RunSource:
    """The policies of a run. The folder need not be on the replica's machine if they and the store are not in it."""

    folder: RunFolder

    @property
    def name(self) -> str:
        """The run's name."""
        return self.folder.path.name

    def open(self, config: RunConfig) -> Policies:
        """Open the run's store."""
        return RunPolicies(self.folder, config)


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The policy in a folder, which every replica must see. It has the version that its record says, else 0."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    def open(self, config: RunConfig) -> Policies:
        """Read the record."""
        return FolderPolicies(self.path)


class FolderPolicies:
    """The single policy in a folder."""

    def __init__(self, path: Path) -> None:
        record = read_policy_record(path)
        self._pointer = PolicyPointer(record.version if record else 0, str(path), record.checksum if record else None)

    def promoted_version(self) -> int:
        """The policy's version."""
        return self._pointer.version

    def locate(self, version: int | None) -> PolicyPointer:
        """Where the policy is.

        Raises:
            ConfigError: it has another version.
        """
        if version not in (None, self._pointer.version):
            raise ConfigError(f"{self._pointer.path} holds policy {self._pointer.version}, not {version}")
        return self._pointer

    def close(self) -> None:
        """Nothing is open."""
