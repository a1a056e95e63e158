"""What a training continues from, and where it is saved."""

from dataclasses import dataclass

from learner.checkpoints.folder import TrainingKey
from store.artifacts.location import Location


@dataclass(frozen=True, slots=True)
class Resumption:
    """How a training can be continued after an interruption.

    Its checkpoints are saved to `folder`; `attempt` is unique to these ranks' training. It begins from the checkpoint
    `begin_from`, if there is one.
    """

    folder: Location
    key: TrainingKey
    attempt: str
    begin_from: Location | None = None
