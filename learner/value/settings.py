"""The settings of a value model. Nothing heavy is imported here, so that the command line starts instantly."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from learner.settings import LearnerJob, LearnerSettings, PhaseSettings
from store.settings import SelectionSettings

CONTROL_HEADS = 64


class LoraSettings(BaseModel):
    """LoRA on the backbone: the rank of the updates, their scale `alpha` / `rank`, and the layers that have one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rank: int = Field(16, ge=1)
    alpha: float = Field(32.0, gt=0)
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

    @property
    def scale(self) -> float:
        """The factor of an update."""
        return self.alpha / self.rank


class ValueSettings(BaseModel):
    """An outcome value model (MARIO, arXiv 2401.08190): what it is trained on, and how.

    It is a policy with a linear head on its last hidden state. The loss of a solution is the squared error of the
    value after each of its tokens against its outcome, 1 if it was accepted and 0 if it was rejected. With
    `language_loss` the cross-entropy of right solutions is added, and the squared error multiplied by `value_weight`
    (AlphaMath, arXiv 2405.03553).

    The learner's settings apply besides: ranks, ZeRO stage, number format, optimizer, limits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: Literal["full", "lora", "frozen"] = Field(
        "full", description="what is trained besides the head: all weights, updates of low rank, or nothing"
    )
    lora: LoraSettings = LoraSettings()
    language_loss: bool = Field(False, description="also train the policy's own loss, on right solutions only")
    value_weight: float = Field(0.1, gt=0, description="of the squared error beside the language loss")
    interpreter_tokens: bool = Field(
        False, description="take the loss also after tokens that the interpreter wrote, not only after the policy's"
    )
    per_problem: int = Field(
        4, ge=1, description="at most so many right solutions of a problem, and so many wrong ones"
    )
    prefer: Literal["newest", "oldest", "random"] = Field("newest", description="which of them, if there are more")
    validation_share: float = Field(
        0.1, ge=0, lt=1, description="of the training problems, by a hash: not trained on, to measure the value model"
    )
    shuffle_labels: bool = Field(
        False, description="the control: train several heads, each on outcomes in a random order of its own"
    )
    seed: int = Field(0, ge=0, description="of the head, the order of the samples, and shuffled outcomes")
    phase: PhaseSettings = PhaseSettings(epochs=2, batch_size=16, learning_rate=1e-3)

    @property
    def heads(self) -> int:
        """How many values the model gives."""
        return CONTROL_HEADS if self.shuffle_labels else 1

    @model_validator(mode="after")
    def _has_something_to_say(self) -> Self:
        if self.language_loss and self.backbone == "frozen":
            raise ValueError("language_loss trains the backbone: set backbone to full or lora")
        return self

    @property
    def selection(self) -> SelectionSettings:
        """The selection of solutions, which are attempts at training problems that have a verdict."""
        return SelectionSettings(
            max_per_problem=self.per_problem,
            prefer=self.prefer,
            accepted_only=False,
            demonstrations=False,
            seed=self.seed,
        )

    def learner(self, learner: LearnerSettings) -> LearnerSettings:
        """The learner's settings for this training."""
        return learner.model_copy(update={"iteration": self.phase, "seed": self.seed})


class ValueJob(LearnerJob):
    """What a rank needs to train a value model that begins as `policy`."""

    value: ValueSettings = ValueSettings()
