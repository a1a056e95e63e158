"""Where samplers and learner run when that is left open: on the GPUs that are here, shared if need be."""

import math

from actors.dtype import resolve_dtype
from actors.engine import is_installed
from actors.settings import SamplerSettings
from cluster.config.machine import find_gpus
from cluster.config.run_config import ConfigError, RunConfig
from learner.settings import LearnerSettings

_SAMPLER, _LEARNER, _MEMORY = "gpus_per_sampler", "gpus_per_rank", "gpu_memory_utilization"


def samples_on_gpus() -> bool:
    """Is the vLLM that is installed the one for GPUs? It does not sample on a CPU, nor the other one on a GPU."""
    return is_installed("vllm")


def place_here(config: RunConfig) -> RunConfig:
    """`place` for this machine; its GPUs do not count where the packages for CPUs are installed."""
    return place(config, len(find_gpus()) if samples_on_gpus() else 0)


def carried_over(config: RunConfig) -> RunConfig:
    """The configuration of a run that was made on a machine with GPUs for one without, or the other way round.

    Where the installed vLLM is the one that the run used, and on a cluster that is joined, nothing changes.
    """
    if config.ray.address is not None or _suits(config):
        return config
    tree = config.model_dump()
    del tree["sampler"][_SAMPLER], tree["sampler"]["engine"][_MEMORY], tree["learner"][_LEARNER]
    return place_here(RunConfig.model_validate(tree))


def require_engine(config: RunConfig) -> None:
    """Raises `ConfigError` if samplers are to run on what the installed vLLM is not for."""
    if _suits(config):
        return
    there, wanted = ("CPUs", "gpu") if config.sampler.gpus_per_sampler > 0 else ("GPUs", "cpu")
    raise ConfigError(
        f"sampler.gpus_per_sampler is {config.sampler.gpus_per_sampler:g}, but the vLLM that is installed is the one "
        f"for {there}: `AUTOMATHES_ACCELERATOR={wanted} make setup` installs the other"
    )


def _suits(config: RunConfig) -> bool:
    return (config.sampler.gpus_per_sampler > 0) == samples_on_gpus()


def place(config: RunConfig, num_gpus: int) -> RunConfig:
    """`config` with the GPUs of samplers and learner ranks decided for a machine of `num_gpus`; what is set stays.

    Without GPUs all runs on the CPU. With enough of them each sampler (each share of its engine) and each rank has one
    of its own. With fewer they share evenly, and an engine takes no more than its part of a GPU's memory. Two kinds
    never share: engines spread over several GPUs, and ranks of one gang, which NCCL refuses on one GPU. What is too
    large for the machine then is for the plan to refuse.

    A precision that is left to `auto` is decided along with it: the learner's states are kept in it, and a run that is
    carried elsewhere keeps it.
    """
    sampler, learner = config.sampler, config.learner
    engines, ranks = sampler.num_samplers * sampler.engine.tensor_parallel, learner.num_ranks
    may_share = sampler.engine.tensor_parallel == ranks == 1
    open_sampler, open_learner = _SAMPLER not in sampler.model_fields_set, _LEARNER not in learner.model_fields_set
    left: float = num_gpus
    if not open_sampler:
        left -= sampler.num_samplers * sampler.gpus_per_sampler
    if not open_learner:
        left -= ranks * learner.gpus_per_rank
    part = _part(left, engines * open_sampler + ranks * open_learner, may_share)
    if open_sampler:
        config = config.model_copy(update={"sampler": _with_gpus(sampler, part)})
    if open_learner:
        learner = learner.model_copy(update={_LEARNER: part})
    return config.model_copy(update={"learner": _with_precision(learner)})


def _part(left: float, processes: int, may_share: bool) -> float:
    """The GPU, or the part of one, for each of `processes` when `left` GPUs are free for them."""
    if left <= 0 or processes == 0:
        return 0.0
    if left >= processes or not may_share:
        return 1.0
    return math.floor(1e4 / math.ceil(processes / left)) / 1e4  # Ray counts in ten-thousandths


def _with_precision(learner: LearnerSettings) -> LearnerSettings:
    if learner.precision != "auto":
        return learner
    dtype = resolve_dtype("auto", on_gpu=learner.gpus_per_rank > 0)
    return learner.model_copy(update={"precision": "bf16" if dtype == "bfloat16" else "fp32"})


def _with_gpus(sampler: SamplerSettings, part: float) -> SamplerSettings:
    engine = sampler.engine
    if 0 < part < 1 and _MEMORY not in engine.model_fields_set:
        engine = engine.model_copy(update={_MEMORY: round(engine.gpu_memory_utilization * part, 3)})
    return sampler.model_copy(update={_SAMPLER: part * engine.tensor_parallel, "engine": engine})
