"""The description of a policy in its own folder, so that one whose row is missing in the store can be recorded."""

import json
from dataclasses import asdict
from pathlib import Path

from learner.publication.folder import checksum, is_complete
from store.database.json_columns import finite_json
from store.records import Policy

POLICY_FILE = "policy.json"
_FIELDS = ("version", "parent", "iteration", "training_set_id", "metrics", "config")


def write_policy_record(folder: Path, policy: Policy) -> None:
    """Write the description of `policy` into a folder that is not yet published."""
    values = asdict(policy)
    record = finite_json({name: values[name] for name in _FIELDS})
    (folder / POLICY_FILE).write_text(json.dumps(record, indent=1))


def read_policy_record(folder: Path) -> Policy | None:
    """The policy in a published folder; None if it is incomplete, or an earlier version published it."""
    if not is_complete(folder) or not (folder / POLICY_FILE).is_file():
        return None
    record = json.loads((folder / POLICY_FILE).read_text())
    return Policy(path=str(folder), checksum=checksum(folder), **{name: record[name] for name in _FIELDS})
