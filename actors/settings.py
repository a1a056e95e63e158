"""Settings of the samplers, their engines, the limits of a rollout, and the teachers."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from actors.formats import get_format


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RolloutLimits(_Settings):
    """Limits of one rollout. One that reaches a limit of tokens or blocks is truncated.

    A turn repeats itself if its end consists of the same 31 tokens at most, over and over, for at least 256 tokens (see
    `actors.engine.turns`).
    """

    max_tokens: int = Field(1024, ge=8, description="tokens after the prompt, interpreter output included")
    max_blocks: int = Field(6, ge=0, description="code blocks executed")
    max_output_chars: int = Field(1000, ge=16, description="characters of a block's output that the policy sees")
    end_on_repetition: bool = Field(True, description="end a rollout whose turn repeats itself: `repetitive`")
    end_on_unparsable: bool = Field(
        True, description="end a rollout whose code does not parse twice in a row: `unparsable`"
    )


class EngineSettings(_Settings):
    """The vLLM engine of one sampler."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="auto is bfloat16 on GPUs and on processors with instructions for it, else float32"
    )
    max_model_len: int = Field(2048, ge=32, description="tokens of prompt and solution together")
    max_concurrent_rollouts: int = Field(128, ge=1, description="concurrent rollouts of one sampler")
    tensor_parallel: int = Field(1, ge=1, description="GPUs per engine")
    gpu_memory_utilization: float = Field(
        0.9, gt=0, le=1, description="share of a GPU's memory for weights and KV cache"
    )
    cpu_kv_cache_gib: int = Field(1, ge=1, description="GiB of KV cache without a GPU")
    cpu_threads: int = Field(1, ge=0, description="threads of an engine without a GPU; 0 is one per core")
    enforce_eager: bool = False
    start_s: float = Field(600.0, gt=0, description="limit for an engine to be ready, without the loading of weights")
    load_s_per_gib: float = Field(
        60.0, ge=0, description="added to the limits of a start and of a swap, for each GiB of the policy"
    )
    silence_s: float = Field(
        300.0,
        ge=2,
        description="an engine with requests that samples no token for so long is restarted, and so is one whose pause,"
        " resumption or swap does not end; a single request without one is made again",
    )
    logprobs: bool = Field(True, description="keep the log-probability of each token that is not sampled greedily")
    seed: int = Field(0, ge=0, description="seed of the engine's sampling")
    seed_each_rollout: bool = Field(
        False,
        description="sample each rollout from its own seed, which is stored with it; GPUs only: on a CPU vLLM's engine"
        " crashes if top_p is below 1, and on a GPU each seeded request adds a kernel call to every step",
    )


class SamplerSettings(_Settings):
    """The samplers, and how they lease, sample and write."""

    num_samplers: int = Field(1, ge=1)
    evaluation_samplers: int = Field(
        0,
        ge=0,
        description="how many of the samplers attempt held-out problems alone, the others then attempt none; 0: all"
        " samplers do both, evaluations first. While no more are at work than are to evaluate, each does both",
    )
    cpus_per_sampler: float = Field(1.0, ge=0, description="processors that a sampler reserves for its engine")
    sandbox_cpus: float = Field(
        0.0,
        ge=0,
        description="processors that it reserves besides for its sandbox, which then runs two blocks on each; 0"
        " reserves none, and its sandbox shares those of its host",
    )
    gpus_per_sampler: float = Field(
        0.0, ge=0, description="0 samples on the CPU; if unset, a run uses the GPUs that its machine has"
    )
    solution_format: str = "tir"
    lease_ttl_s: float = Field(60.0, gt=1, description="after which others take over what makes no progress")
    idle_poll_s: float = Field(0.2, gt=0, description="between two attempts to lease while there is no work")
    lookahead_s: float = Field(
        2.0, ge=0, description="how many seconds of work are leased beyond what the slots hold, at the measured speed"
    )
    swap_wait_s: float = Field(
        300.0, ge=0, description="how long unfinished evaluations of a policy delay the swap to the next one"
    )
    report_interval_s: float = Field(5.0, gt=0, description="between two reports of a sampler's state to the store")
    write_interval_s: float = Field(0.25, gt=0, description="finished rollouts are written together this often")
    pause_release_s: float = Field(
        600.0,
        gt=0,
        description="into a pause of the run after which the engine is stopped, so that its memory is free for others;"
        " it starts again when the run is resumed; inf: never",
    )
    store_retry_s: float = Field(900.0, ge=0, description="how long calls of an unreachable store are retried")
    fault_retries: int = Field(
        3, ge=0, description="how often an attempt is made again that a failure of engine, sandbox or checker ended"
    )
    fault_pause_s: float = Field(1.0, ge=0, description="before the first of these retries; it doubles with each")
    deadline_factor: float = Field(
        10.0,
        ge=1,
        description="an attempt is made again that takes this many times as long as all its tokens would at the lowest"
        " speed of the last minutes, besides what its blocks may take",
    )
    slots_per_sequence: float = Field(
        1.25,
        ge=1,
        le=8,
        description="rollouts under way for each that the engine samples at a time (engine.max_concurrent_rollouts):"
        " some wait for the sandbox, and hold no place in the engine meanwhile",
    )
    limits: RolloutLimits = RolloutLimits()
    engine: EngineSettings = EngineSettings()

    @property
    def reserved_cpus(self) -> float:
        """The processors that a sampler reserves, those of its sandbox included."""
        return self.cpus_per_sampler + self.sandbox_cpus

    @property
    def slots(self) -> int:
        """The number of rollouts that a sampler has under way."""
        return round(self.slots_per_sequence * self.engine.max_concurrent_rollouts)

    @field_validator("solution_format")
    @classmethod
    def _is_registered(cls, name: str) -> str:
        return get_format(name).name

    @model_validator(mode="after")
    def _some_train(self) -> Self:
        if self.evaluation_samplers >= self.num_samplers and self.evaluation_samplers:
            raise ValueError(
                f"evaluation_samplers ({self.evaluation_samplers}) must be below num_samplers ({self.num_samplers}):"
                " the others attempt what is trained on"
            )
        return self

    @model_validator(mode="after")
    def _engine_has_its_gpus(self) -> Self:
        gpus, engine_gpus = self.gpus_per_sampler, self.engine.tensor_parallel
        if gpus > 0 and not (gpus == engine_gpus or (gpus < 1 and engine_gpus == 1)):
            raise ValueError(
                f"gpus_per_sampler ({gpus:g}) must be engine.tensor_parallel ({engine_gpus}), or below 1 if that is 1"
            )
        return self


class ScriptedTeacherSettings(_Settings):
    """Demonstrations for generated arithmetic problems."""

    kind: Literal["scripted"]
    count: int = Field(300, ge=1, description="demonstrations to write, spread evenly over the tasks")


class JsonlTeacherSettings(_Settings):
    """Demonstrations from a file with one JSON object per line."""

    kind: Literal["jsonl"]
    path: Path
    question_field: str = "question"
    answer_field: str = "answer"
    solution_field: str = "solution"
    count: int | None = Field(None, ge=1, description="read only the first lines")
    max_chars: int = Field(4000, ge=1, description="longer solutions are skipped")


class AnnotationsTeacherSettings(_Settings):
    """Demonstrations that `automathes annotate` put into the run's store."""

    kind: Literal["annotations"]
    count: int | None = Field(None, ge=1, description="use only so many of the kept solutions, by problem")
    max_chars: int = Field(4000, ge=1, description="longer solutions are skipped")


TeacherSettings = Annotated[
    ScriptedTeacherSettings | JsonlTeacherSettings | AnnotationsTeacherSettings, Field(discriminator="kind")
]
