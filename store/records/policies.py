"""Policies: published checkpoints, references to them, and the decision on their promotion."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Decision(StrEnum):
    """The decision on the promotion of a policy."""

    PROMOTED = "promoted"
    NOT_PROMOTED = "not_promoted"


@dataclass(frozen=True, slots=True)
class PolicyPointer:
    """A reference to a published policy: the folder to load, its version, and the checksum of its files if known.

    `path` is that of a folder that all nodes see, or a URL. It travels in place of tensors.
    """

    version: int
    path: str
    checksum: str | None = None

    def to_state(self) -> dict[str, Any]:
        """The state dictionary that RLlib passes to env runners and learner groups, under RLlib's own keys."""
        module = {"path": self.path, "version": self.version, "checksum": self.checksum}
        return {"rl_module": module, "weights_seq_no": self.version}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "PolicyPointer":
        """The inverse of `to_state`."""
        pointer = state["rl_module"]
        return cls(version=int(pointer["version"]), path=pointer["path"], checksum=pointer.get("checksum"))


@dataclass(frozen=True, slots=True)
class Policy:
    """A published checkpoint. `version` is an integer that is never used twice.

    `config` is the configuration of the training run that produced it; `checksum` is that of the files at `path`.
    `iteration` is the one that trained it, 0 for the base and the warm start. `decision` is None until its promotion is
    decided; `assessment` is then what the decision rests on (`cluster.loop.promotion.Assessment`), None for policies of
    earlier versions. `is_pruned`: its folder was removed.
    """

    version: int
    parent: int | None
    path: str
    training_set_id: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    promoted: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    checksum: str | None = None
    iteration: int | None = None
    decision: Decision | None = None
    assessment: Mapping[str, Any] | None = None
    is_pruned: bool = False

    @property
    def origin(self) -> str:
        """What made it: "base", "warm start" or "iteration 3", be that still open; of a control run "control 3"."""
        if self.parent is None:
            return "base"
        if not self.iteration:
            return "warm start"
        kind = "control" if self.config.get("mode") == "demonstrations_only" else "iteration"
        return f"{kind} {self.iteration}"

    @property
    def pointer(self) -> PolicyPointer:
        """The reference by which samplers and the learner load this policy."""
        return PolicyPointer(self.version, self.path, self.checksum)
