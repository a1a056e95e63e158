"""The settings of the learner. Nothing heavy is imported here, so that the command line starts instantly."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from store.records import PolicyPointer
from store.settings import StorageSettings

OPENMP_ENVIRONMENT = {
    # OpenMP threads that spin while they wait slow down each other and every other process: beside two busy processes
    # on two cores a step of the demo took 172 ms or more, with passive waiting 35 ms. But sleeping at once costs a
    # system call for each small operation: some microseconds of spinning first took a third off a step that has the
    # machine to itself. OpenMP reads these once, when torch is loaded.
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "3000",
}


class Phase(StrEnum):
    """The recipe that a training call follows."""

    WARM_START = "warm_start"
    ITERATION = "iteration"


class PhaseSettings(BaseModel):
    """One training phase: how long, in which batches, at which learning rate.

    A phase ends after `steps` optimizer steps or `epochs` passes over the samples, whichever comes first.
    """

    model_config = ConfigDict(extra="forbid")

    steps: int | None = Field(default=None, ge=1, description="at most this many optimizer steps")
    epochs: int | None = Field(default=None, ge=1, description="at most this many passes over the samples")
    batch_size: int = Field(default=12, ge=1, description="sequences per optimizer step, over all ranks")
    micro_batch_tokens: int | None = Field(
        default=None,
        ge=16,
        description="padded tokens per backward pass of a rank; gradients of larger batches are accumulated",
    )
    length_bucket_batches: int = Field(
        default=1,
        ge=1,
        description="sort by length within windows of this many batches; 1 keeps batches fully random",
    )
    learning_rate: float = Field(default=3e-3, gt=0)
    warmup_steps: int = Field(default=20, ge=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    final_fraction: float = Field(default=0.1, ge=0, le=1, description="of the learning rate, at the end of the cosine")
    optimizer_state: Literal["fresh", "keep"] = Field(
        default="fresh", description="start the phase with empty Adam moments, or keep those of the last phase"
    )

    @model_validator(mode="after")
    def _check_end(self) -> Self:
        if self.steps is None and self.epochs is None:
            raise ValueError("a phase needs an end: set `steps`, `epochs` or both")
        return self


class LearnerSettings(BaseModel):
    """The learner: its ranks, DeepSpeed, the optimizer, the two phases and the limit of every wait.

    The defaults are the demo's recipe. With `zero_stage` 0 and `bf16`, DeepSpeed runs as stage 1: stage 0 keeps no
    float32 master weights to check before a step.
    """

    model_config = ConfigDict(extra="forbid")

    num_ranks: int = Field(default=1, ge=1, description="processes that train together, each in its own actor")
    cpus_per_rank: float = Field(default=1, ge=0, description="what a rank requests from Ray")
    gpus_per_rank: float = Field(
        default=0, ge=0, le=1, description="0 trains on the CPU; if unset, a run uses the GPUs that its machine has"
    )
    threads: int = Field(
        default=0, ge=0, description="torch threads per rank; 0 divides the cores of a host evenly among its ranks"
    )
    zero_stage: Literal[0, 2, 3] = 0
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="fp32",
        description="auto is bf16 on GPUs and on CPUs with instructions for it, decided when a run is created",
    )

    warm_start: PhaseSettings = PhaseSettings(steps=300)
    iteration: PhaseSettings = PhaseSettings(steps=400)

    adam_betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = Field(default=0.05, ge=0)
    gradient_clip: float = Field(
        default=1.0, gt=0, description="largest gradient norm of a step; larger gradients are scaled down"
    )
    max_sequence_tokens: int = Field(default=1024, ge=8, description="longer samples are skipped and counted")
    gradient_checkpointing: bool = False
    activation_offload: bool = Field(default=False, description="keep activations in host memory until backward")
    max_skipped_in_a_row: int = Field(
        default=5, ge=1, description="consecutive steps with a non-finite loss or gradient after which training fails"
    )
    seed: int = 0

    start_silence_s: float = Field(
        default=900, gt=0, description="limit for a rank to be placed on a machine and for its process to start"
    )
    silence_s: float = Field(
        default=300,
        gt=0,
        description="ranks without progress (micro batches, samples, bytes) for this long are replaced; there is no "
        "limit on how long a training or a publication takes",
    )
    silence_s_per_gib: float = Field(
        default=30,
        ge=0,
        description="added to silence_s for each GiB of the policy while a rank reads or writes weights",
    )
    max_rebuilds: int = Field(
        default=3, ge=0, description="times in a row, without a new step, that failed ranks are replaced by new ones"
    )
    checkpoint_every_s: float = Field(
        default=1800,
        gt=0,
        description="a training is saved as often as this, and before publishing if it took longer",
    )
    checkpoint_in_background: bool = Field(
        default=True,
        description="write checkpoints while training goes on, from a copy in host memory; else training waits",
    )
    health_timeout_s: float = Field(default=15, gt=0)

    @model_validator(mode="after")
    def _check_betas(self) -> Self:
        if not all(0 <= beta < 1 for beta in self.adam_betas):
            raise ValueError(f"adam_betas must each lie in [0, 1), not {self.adam_betas}")
        return self

    @property
    def in_bf16(self) -> bool:
        """Whether the model is stored and multiplied in bfloat16. An `auto` that was never decided counts as fp32."""
        return self.precision == "bf16"

    @property
    def deepspeed_stage(self) -> Literal[0, 1, 2, 3]:
        """The ZeRO stage that DeepSpeed runs as."""
        return 1 if self.zero_stage == 0 and self.in_bf16 else self.zero_stage

    @property
    def keeps_optimizer(self) -> bool:
        """Whether an iteration starts with the optimizer of the last training, so that it is saved between them."""
        return self.iteration.optimizer_state == "keep"

    def phase(self, name: str) -> PhaseSettings:
        """The settings of the phase called `name`. Raises `ValueError` if there is none."""
        return self.warm_start if Phase(name) is Phase.WARM_START else self.iteration


class LearnerJob(BaseModel):
    """What a rank needs to start: its settings, the store with the samples, and the policy to start from.

    `policy.path` is a Hugging Face folder that every rank can read, or the URL of one.
    """

    model_config = ConfigDict(extra="forbid")

    settings: LearnerSettings = LearnerSettings()
    store_url: str
    policy: PolicyPointer
    storage: StorageSettings = StorageSettings()
