"""What a simulation assumes of hardware and rollouts that nobody measured here: each number with its source.

A TOML file (`--assume FILE`) replaces any of them; `--run FOLDER` replaces the rollouts by those of a run.
"""

import tomllib
from itertools import accumulate
from math import log
from pathlib import Path
from random import Random

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cluster.config.run_config import ConfigError
from cluster.simulation.case import Shape

_HOUR_S = 3600.0


class _Assumptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RolloutAssumptions(_Assumptions):
    """Rollouts of a 7B model on GSM8K and MATH, with log-normal lengths. Guesses, until `--run` replaces them."""

    prompt_tokens: int = Field(160, ge=0, description="the question and the format's instructions")
    blocks: tuple[float, ...] = Field(
        (0.10, 0.60, 0.20, 0.07, 0.03), description="share of the rollouts with 0, 1, 2, ... code blocks"
    )
    first_turn_tokens: float = Field(220, gt=0, description="median: reasoning and the first block")
    later_turn_tokens: float = Field(110, gt=0, description="median of each turn after an output")
    tokens_sigma: float = Field(0.7, ge=0, description="standard deviation of the logarithm of a turn's tokens")
    runaway_share: float = Field(0.02, ge=0, le=1, description="rollouts whose last turn ends at the token limit")
    output_tokens: int = Field(40, ge=0, description="of a block's output")
    block_s: float = Field(0.08, gt=0, description="median of a block, the opening of its session included")
    block_sigma: float = Field(1.0, ge=0, description="standard deviation of the logarithm of a block's seconds")
    timeout_share: float = Field(0.01, ge=0, le=1, description="blocks that run until sandbox.block_wall_s")
    check_s: float = Field(0.02, ge=0, description="comparison of an answer with the reference")
    accepted_share: float = Field(0.6, ge=0, le=1)
    distinct_share: float = Field(0.8, gt=0, le=1, description="of the accepted: solutions that are not copies")


class HardwareAssumptions(_Assumptions):
    """What a GPU reaches of its data sheet, the network, the storage and how often parts fail."""

    decode_bandwidth_share: float = Field(
        0.7, gt=0, le=1, description="of the memory's bandwidth in a decoding step; a guess for vLLM with CUDA graphs"
    )
    decode_flops_share: float = Field(0.6, gt=0, le=1, description="of the dense operations in a large decoding step")
    step_overhead_s: float = Field(0.002, ge=0, description="scheduling and sampling of a step; a guess for vLLM")
    layer_sync_s: float = Field(10e-6, ge=0, description="of one all-reduce of tensor parallel, two in each layer")
    prefill_flops_share: float = Field(0.5, gt=0, le=1, description="of the dense operations, for prompts")
    train_flops_share: float = Field(
        0.4,
        gt=0,
        le=1,
        description="of the dense operations, recomputation included: 38 to 43 % in arXiv 2407.21783, 3.3",
    )
    network_bytes_per_s: float = Field(
        50e9, gt=0, description="of each GPU between nodes: 400 Gbit/s, as in NVIDIA's DGX H100 reference"
    )
    step_latency_s: float = Field(0.05, ge=0, description="of a training step, besides computing and moving weights")
    padding_share: float = Field(0.1, ge=0, lt=1, description="of a padded micro batch that is padding")
    storage_bytes_per_s: float = Field(
        2e9, gt=0, description="by which one sampler reads a policy, others at the same time"
    )
    load_bytes_per_s: float = Field(5e9, gt=0, description="from host memory into a running engine, converted")
    sandbox_cores: int = Field(16, ge=1, description="cores of a sampler's sandbox, for each of its GPUs")
    select_s: float = Field(15.0, ge=0, description="to select a training set and to read it")
    start_s: float = Field(180.0, ge=0, description="from the start of a sampler or rank to its first work")
    gpu_hours_to_failure: float = Field(
        50_000.0, gt=0, description="419 interruptions in 54 days of 16,384 H100, arXiv 2407.21783, 3.3.4"
    )


class Assumptions(_Assumptions):
    """All of them."""

    rollouts: RolloutAssumptions = RolloutAssumptions()
    hardware: HardwareAssumptions = HardwareAssumptions()


def read_assumptions(file: Path | None) -> Assumptions:
    """The assumptions, with those that a TOML file replaces. Raises `ConfigError`, which names the wrong key."""
    if file is None:
        return Assumptions()
    try:
        return Assumptions.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"assumptions {file} cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


class AssumedRollouts:
    """Draws rollouts by the assumptions, within the limits of a run."""

    def __init__(self, assumed: RolloutAssumptions, max_tokens: int, max_blocks: int, block_wall_s: float) -> None:
        self._assumed, self._max_tokens, self._block_wall_s = assumed, max_tokens, block_wall_s
        self._shares = list(accumulate(assumed.blocks[: max_blocks + 1]))
        self._numbers = range(len(self._shares))

    def draw(self, rng: Random) -> Shape:
        """The next rollout."""
        assumed, left = self._assumed, float(self._max_tokens)
        num_blocks = rng.choices(self._numbers, cum_weights=self._shares)[0]
        turns: list[float] = []
        for turn in range(num_blocks + 1):
            median = assumed.later_turn_tokens if turn else assumed.first_turn_tokens
            tokens = max(1, round(rng.lognormvariate(log(median), assumed.tokens_sigma)))
            turns.append(min(tokens, left))
            left -= turns[-1] + assumed.output_tokens
            if left <= 0:
                break
        if rng.random() < assumed.runaway_share:
            turns[-1] += max(left, 0)
        num_blocks = len(turns) - 1
        return Shape(
            assumed.prompt_tokens,
            tuple(turns),
            tuple(self._block_s(rng) for _ in range(num_blocks)),
            (assumed.output_tokens,) * num_blocks,
            assumed.check_s,
        )

    def _block_s(self, rng: Random) -> float:
        if rng.random() < self._assumed.timeout_share:
            return self._block_wall_s
        return min(rng.lognormvariate(log(self._assumed.block_s), self._assumed.block_sigma), self._block_wall_s)


def failure_s(hardware: HardwareAssumptions, gpus: int) -> float:
    """Mean seconds to the failure of a part with so many GPUs."""
    return hardware.gpu_hours_to_failure * _HOUR_S / max(gpus, 1)
