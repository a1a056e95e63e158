"""Policies as drivers leave them in a run's folder, or under its URL."""

from cluster.config.run_folder import RunFolder
from learner.publication import publication
from learner.publication.record import write_policy_record
from store.records import Policy


def publish(folder: RunFolder, policy: Policy, record: bool = True) -> None:
    with publication(folder.policy(policy.version), storage=folder.storage) as temporary:
        (temporary / "model.safetensors").write_text(f"weights of {policy.version}")
        if record:
            write_policy_record(temporary, policy)
