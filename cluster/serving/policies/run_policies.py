"""The policies of a run that can be served: the promoted one, or versions that are asked for."""

from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder
from store.records import Policy, PolicyPointer
from store.store import Store


def model_name(name: str, version: int | None = None) -> str:
    """The model id that clients use, for one version of a run or for the policy that is served at any time."""
    return f"automathes/{name}" if version is None else f"automathes/{name}@v{version}"


def find_promoted(store: Store, folder: RunFolder) -> Policy:
    """The promoted policy of a run.

    Raises:
        ConfigError: no policy has been promoted yet.
    """
    policy = store.policies.promoted()
    if policy is None:
        raise ConfigError(
            f"run {folder.path.name} has no promoted policy yet: the first one is promoted after it was trained and "
            "evaluated (`automathes status` shows it); --run FOLDER serves another run"
        )
    return policy


def find_version(store: Store, folder: RunFolder, version: int) -> Policy:
    """One policy of a run.

    Raises:
        ConfigError: there is no such version.
    """
    policies = store.policies.all()
    found = next((policy for policy in policies if policy.version == version), None)
    if found is None:
        known = ", ".join(str(policy.version) for policy in policies) or "none"
        raise ConfigError(f"run {folder.path.name} has no policy {version}, only {known}")
    return found


def locate_policy(policy: Policy, folder: RunFolder) -> PolicyPointer:
    """A pointer to the recorded folder of a policy, or to its place in the run's folder if the run was moved.

    Raises:
        ConfigError: it was pruned, or neither folder exists.
        StorageError: the storage cannot be reached.
    """
    return PolicyPointer(policy.version, str(folder.require_policy(policy)), policy.checksum)


class RunPolicies:
    """The policies of one run, from its store. The folder need not be on this machine if they are not in it."""

    def __init__(self, folder: RunFolder, config: RunConfig) -> None:
        self._folder = folder
        self._store = Store.open(folder.store_url(config), create=False)

    def promoted_version(self) -> int | None:
        """The promoted version, None if there is none.

        Raises:
            StoreBusyError, StoreUnreachableError: the store cannot be read now.
        """
        policy = self._store.policies.promoted()
        return None if policy is None else policy.version

    def locate(self, version: int | None) -> PolicyPointer:
        """Where a version is, or the promoted policy.

        Raises:
            ConfigError: there is no such policy, or its folder is missing.
            StorageError: the storage cannot be reached.
        """
        if version is None:
            policy = find_promoted(self._store, self._folder)
        else:
            policy = find_version(self._store, self._folder, version)
        return locate_policy(policy, self._folder)

    def close(self) -> None:
        """Close the store."""
        self._store.close()
