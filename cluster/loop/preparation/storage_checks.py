"""Checks at a run's start that its policies and checkpoints can be kept where it says, and read on every node."""

import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from store.artifacts.errors import StorageMissingError
from store.artifacts.folder import folder_at
from store.artifacts.location import Location, is_url, join
from store.settings import StorageSettings

_PROBE = "probe"
_VISIBLE_WITHIN_S = 15.0  # network file systems cache what is in a folder


class OnNodes(Protocol):
    """Calls a function on all other nodes of the cluster, and on this one if asked to.

    Returns what it returned or raised, by the node's name.
    """

    def __call__(self, function: Callable[[], str], *, and_here: bool) -> Mapping[str, str | Exception]:
        """Make the calls, all at once."""
        ...


def require_storage(storage: StorageSettings) -> None:
    """Write, read and remove a file under the configured URL, if there is one.

    Raises:
        ConfigError: it does not work; the message has the reason of the storage.
    """
    if storage.url is None:
        return
    if urlsplit(storage.url).scheme == "memory":
        raise ConfigError("storage.url: memory:// is private to one process, and a run has several: use another URL")
    try:
        place, text = join(storage.url, f"{_PROBE}-{uuid.uuid4().hex}"), uuid.uuid4().hex
        folder = folder_at(place)
        folder.write(_PROBE, text.encode())
        read = folder.read(_PROBE).decode()
        folder.remove()
    except StorageMissingError as error:
        raise ConfigError(f"storage.url: {error}") from error
    except OSError as error:
        raise ConfigError(
            f"storage.url: {error}. Check the URL, and the credentials, region and endpoint in the environment (AWS_*, "
            "GOOGLE_APPLICATION_CREDENTIALS, FSSPEC_*)"
        ) from error
    if read != text:
        raise ConfigError(f"storage.url: {storage.url} does not return what was written to it a moment before")


def require_artifacts_on_all_nodes(folder: RunFolder, on_nodes: OnNodes) -> None:
    """Check that every node reads what this process writes beside the run's policies.

    Under a URL that includes this node: Ray's processes have the environment that Ray was started in.

    Raises:
        ConfigError: a node does not; the message names it, the place and the remedies.
    """
    place = join(folder.artifacts, f"{_PROBE}-{uuid.uuid4().hex}")
    text = uuid.uuid4().hex
    try:
        folder_at(place).write(_PROBE, text.encode())
        found = on_nodes(partial(_read_probe, place), and_here=is_url(place))
    finally:
        folder_at(place).remove()
    for node, read in found.items():
        if read != text:
            reason = f"{type(read).__name__}: {read}" if isinstance(read, Exception) else "it reads something else"
            raise ConfigError(_remedy(folder, node, reason))


def _remedy(folder: RunFolder, node: str, reason: str) -> str:
    if is_url(folder.artifacts):
        return (
            f"storage.url: node {node} cannot read from {folder.artifacts} ({reason}). Give it the packages, the "
            "credentials and the endpoint that this command has: Ray's processes inherit the environment in which `ray "
            "start` was called there"
        )
    return (
        f"node {node} does not see the run's folder {folder.path} ({reason}), where policies and checkpoints are. "
        "Mount the same folder there, at the same path; or keep them in an object store that all nodes reach "
        "(--set storage.url=s3://bucket/prefix)"
    )


def _read_probe(place: Location) -> str:
    """Read the probe. Called on other nodes."""
    deadline = time.monotonic() + (0.0 if is_url(place) else _VISIBLE_WITHIN_S)
    while True:
        try:
            return folder_at(place).read(_PROBE).decode()
        except FileNotFoundError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(0.5)
