"""Actors that Ray has not placed yet, and the resources that they wait for."""

from collections.abc import Mapping
from typing import Any

from ray._private.state import actors as actor_table

_NOT_ALIVE = ("DEPENDENCIES_UNREADY", "PENDING_CREATION", "RESTARTING")


def is_pending(actor: Any) -> bool:
    """Whether an actor has no process yet, so that it waits for resources or for its process to be created."""
    entry = actor_table(actor._actor_id.hex()) or {}
    return entry.get("State") in _NOT_ALIVE and not entry.get("Pid")


def missing_resources(required: Mapping[str, float]) -> str:
    """What an actor requires, as the cluster has no node with so much free."""
    parts = [f"{amount:g} {name}" for name, amount in required.items() if amount]
    return f"{' and '.join(parts) or 'a place'}, for which no node of the cluster has room (see `ray status`)"
