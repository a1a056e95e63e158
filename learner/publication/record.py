"""The description of a policy in its own folder, so that one whose row is missing in the store can be recorded."""

import json
from dataclasses import asdict
from pathlib import Path

from store.artifacts.folder import checksum, folder_at, is_complete
from store.artifacts.location import Location
from store.database.json_columns import finite_json
from store.records import Policy

POLICY_FILE = "policy.json"
_FIELDS = ("version", "parent", "iteration", "training_set_id", "metrics", "config")


def write_policy_record(folder: Path, policy: Policy) -> None:
    """Write the description of `policy` into a folder that is not yet published."""
    values = asdict(policy)
    record = finite_json({name: values[name] for name in _FIELDS})
    (folder / POLICY_FILE).write_text(json.dumps(record, indent=1))


def read_policy_record(location: Location) -> Policy | None:
    """The policy that is published at a location; None if it is incomplete, or an earlier version published it.

    Raises:
        StorageError: the storage cannot be reached.
    """
    if not is_complete(location):
        return None
    try:
        record = json.loads(folder_at(location).read(POLICY_FILE))
    except FileNotFoundError:
        return None
    return Policy(path=str(location), checksum=checksum(location), **{name: record[name] for name in _FIELDS})
