"""The file in which RLlib's `save_to_path` keeps the learner: a pointer to its policy and to its optimizer."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import make_url

from learner.engine import StateMismatchError
from store.artifacts.location import Location, is_url
from store.database.paths import StoredPaths
from store.records import PolicyPointer

_FILE = "learner_group.json"


class LearnerPointer(NamedTuple):
    """A policy, and the checkpoint with its optimizer if that was kept."""

    policy: PolicyPointer
    state: Location | None


def write_pointer(folder: Path, store_url: str, pointer: LearnerPointer) -> None:
    """Write the pointer. Paths beside a store in a file are relative to it, so that a run's folder can be moved."""
    paths = StoredPaths(make_url(store_url))
    state = None if pointer.state is None else paths.to_stored(str(pointer.state))
    record = {"version": pointer.policy.version, "path": paths.to_stored(pointer.policy.path), "state": state}
    temporary = folder / f".tmp-{_FILE}"
    temporary.write_text(json.dumps(record))
    os.replace(temporary, folder / _FILE)


def read_pointer(folder: Path, store_url: str) -> LearnerPointer:
    """Read what `write_pointer` wrote, or an earlier version, which kept the state of all ranks beside it.

    Raises:
        StateMismatchError: nothing was saved there.
    """
    if not (folder / _FILE).is_file():
        raise StateMismatchError(f"{folder} holds no saved learner: {_FILE} is missing")
    record = json.loads((folder / _FILE).read_text())
    paths = StoredPaths(make_url(store_url))
    policy = PolicyPointer(version=record["version"], path=paths.from_stored(record["path"]))
    state = None if record["state"] is None else paths.from_stored(record["state"])
    return LearnerPointer(policy, state if state is None or is_url(state) else folder / state)


def local_folder(path: Any, filesystem: Any) -> Path:
    """The folder that RLlib names. Raises `ValueError` if it is on a file system that ranks do not see."""
    kind = getattr(filesystem, "type_name", "local")
    if kind != "local" or "://" in str(path):
        raise ValueError(f"cannot save the learner to {path} ({kind}): its ranks need a shared local folder")
    return Path(path)
