"""What can be set of sampling."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from actors.formats import get_format


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RolloutLimits(_Settings):
    """Where one attempt ends, finished or not."""

    max_tokens: int = Field(1024, ge=8, description="tokens behind the prompt, the interpreter's words included")
    max_blocks: int = Field(6, ge=0, description="code blocks run")
    max_output_chars: int = Field(1000, ge=16, description="of a block's output, characters shown to the policy")


class EngineSettings(_Settings):
    """The vLLM engine of one sampler."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="auto is bfloat16 on GPUs and on processors that multiply it, else float32"
    )
    max_model_len: int = Field(2048, ge=32, description="tokens of prompt and solution together")
    max_concurrent_rollouts: int = Field(128, ge=1, description="rollouts under way at once in one sampler")
    tensor_parallel: int = Field(1, ge=1, description="GPUs one engine is spread over")
    gpu_memory_utilization: float = Field(
        0.9, gt=0, le=1, description="share of a GPU's memory for weights and KV cache"
    )
    cpu_kv_cache_gib: int = Field(1, ge=1, description="GiB of KV cache when there is no GPU")
    cpu_threads: int = Field(1, ge=0, description="of an engine without a GPU; 0 is one for each core")
    enforce_eager: bool = False
    start_timeout_s: float = Field(900.0, gt=0, description="for the engine to load and answer")
    swap_timeout_s: float = Field(300.0, gt=0, description="for new weights to be loaded into the running engine")
    seed: int = Field(0, ge=0, description="of the engine's sampling")
    seed_each_rollout: bool = Field(
        False,
        description="sample each rollout from a seed of its own, which is stored with it; GPUs only: vLLM's engine on a"
        " CPU dies of it where top_p is below 1, and on a GPU each seeded request adds a kernel call to every step",
    )


class SamplerSettings(_Settings):
    """The samplers and the rollouts they make."""

    num_samplers: int = Field(1, ge=1)
    cpus_per_sampler: float = Field(1.0, ge=0)
    gpus_per_sampler: float = Field(
        0.0, ge=0, description="0 samples on the CPU; left out, a run takes what GPUs its machine has"
    )
    solution_format: str = "tir"
    lease_ttl_s: float = Field(60.0, gt=1, description="after which a silent sampler's problems go to another")
    idle_poll_s: float = Field(0.2, gt=0, description="between two looks for work when there was none")
    write_interval_s: float = Field(0.25, gt=0, description="the longest a finished rollout waits to be written")
    store_retry_s: float = Field(120.0, ge=0, description="how long an unreachable store is tried again")
    limits: RolloutLimits = RolloutLimits()
    engine: EngineSettings = EngineSettings()

    @field_validator("solution_format")
    @classmethod
    def _is_registered(cls, name: str) -> str:
        return get_format(name).name

    @model_validator(mode="after")
    def _engine_has_its_gpus(self) -> Self:
        gpus, shares = self.gpus_per_sampler, self.engine.tensor_parallel
        if gpus > 0 and not (gpus == shares or (gpus < 1 and shares == 1)):
            raise ValueError(
                f"gpus_per_sampler ({gpus:g}) must be engine.tensor_parallel ({shares}), or below 1 where that is 1"
            )
        return self


class ScriptedTeacherSettings(_Settings):
    """Demonstrations for generated arithmetic problems."""

    kind: Literal["scripted"]
    count: int = Field(300, ge=1, description="demonstrations written, as many of each task as can be")


class JsonlTeacherSettings(_Settings):
    """Demonstrations from a file, one JSON object a line."""

    kind: Literal["jsonl"]
    path: Path
    question_field: str = "question"
    answer_field: str = "answer"
    solution_field: str = "solution"
    count: int | None = Field(None, ge=1, description="read only so many, from the top")
    max_chars: int = Field(4000, ge=1, description="longer solutions are left out")


TeacherSettings = Annotated[ScriptedTeacherSettings | JsonlTeacherSettings, Field(discriminator="kind")]
