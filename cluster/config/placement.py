"""Place samplers and learner ranks on GPUs where the configuration leaves it open, sharing GPUs if necessary."""

import math

from actors.engine import is_installed
from actors.engine.dtype import resolve_dtype
from actors.settings import SamplerSettings
from cluster.config.hosts.host import Cluster
from cluster.config.machine import find_gpus
from cluster.config.run_config import ConfigError, RunConfig
from learner.settings import LearnerSettings

_SAMPLER, _LEARNER, _MEMORY = "gpus_per_sampler", "gpus_per_rank", "gpu_memory_utilization"


def samples_on_gpus() -> bool:
    """Whether the installed vLLM is the GPU build, which cannot sample on a CPU (nor the CPU build on a GPU)."""
    return is_installed("vllm")


def place_here(config: RunConfig) -> RunConfig:
    """`place` for this machine. Its GPUs do not count if the CPU build of vLLM is installed."""
    return place(config, len(find_gpus()) if samples_on_gpus() else 0)


def place_in(config: RunConfig, cluster: Cluster | None) -> RunConfig:
    """`place` for the cluster that the run joins, with the hosts that may be added to it; without one, `place_here`."""
    if cluster is None:
        return place_here(config)
    return place(config, int(sum(host.gpus for host in (*cluster.hosts, *cluster.expected))))


def adapt_placement(config: RunConfig) -> RunConfig:
    """Adapt the configuration of a run made on a machine with GPUs to one without, or the other way round.

    Nothing changes if the run used the same build of vLLM as is installed here, or joins a cluster.
    """
    if config.ray.address is not None or _matches_installed_vllm(config):
        return config
    tree = config.model_dump()
    del tree["sampler"][_SAMPLER], tree["sampler"]["engine"][_MEMORY], tree["learner"][_LEARNER]
    return place_here(RunConfig.model_validate(tree))


def require_engine(config: RunConfig) -> None:
    """Raise `ConfigError` if the installed build of vLLM does not match the device of the samplers."""
    if _matches_installed_vllm(config):
        return
    installed, wanted = ("CPUs", "gpu") if config.sampler.gpus_per_sampler > 0 else ("GPUs", "cpu")
    raise ConfigError(
        f"sampler.gpus_per_sampler is {config.sampler.gpus_per_sampler:g}, but the installed vLLM is the build "
        f"for {installed}: `AUTOMATHES_ACCELERATOR={wanted} make setup` installs the other build"
    )


def _matches_installed_vllm(config: RunConfig) -> bool:
    return (config.sampler.gpus_per_sampler > 0) == samples_on_gpus()


def place(config: RunConfig, num_gpus: int) -> RunConfig:
    """Set the GPUs of samplers and learner ranks for a machine with `num_gpus`; settings that are given are kept.

    Without GPUs, everything runs on the CPU. With enough GPUs, each sampler (each shard of its engine) and each rank
    gets its own. With fewer, they share evenly, and an engine takes at most its fraction of a GPU's memory. Engines
    spread over several GPUs never share, nor do several ranks, which NCCL refuses on one GPU. The plan refuses what
    then does not fit.

    The precision `auto` is resolved here too: the learner's states are stored in it, and a run that is resumed on
    another machine keeps it.
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
    share = _gpus_each(left, engines * open_sampler + ranks * open_learner, may_share)
    if open_sampler:
        config = config.model_copy(update={"sampler": _with_gpus(sampler, share)})
    if open_learner:
        learner = learner.model_copy(update={_LEARNER: share})
    return config.model_copy(update={"learner": _with_precision(learner)})


def _gpus_each(left: float, processes: int, may_share: bool) -> float:
    """The number or fraction of GPUs for each of `processes` when `left` GPUs are free."""
    if left <= 0 or processes == 0:
        return 0.0
    if left >= processes or not may_share:
        return 1.0
    return math.floor(1e4 / math.ceil(processes / left)) / 1e4  # Ray's resolution is 1/10000 of a GPU


def _with_precision(learner: LearnerSettings) -> LearnerSettings:
    if learner.precision != "auto":
        return learner
    dtype = resolve_dtype("auto", on_gpu=learner.gpus_per_rank > 0)
    return learner.model_copy(update={"precision": "bf16" if dtype == "bfloat16" else "fp32"})


def _with_gpus(sampler: SamplerSettings, share: float) -> SamplerSettings:
    engine = sampler.engine
    if 0 < share < 1 and _MEMORY not in engine.model_fields_set:
        engine = engine.model_copy(update={_MEMORY: round(engine.gpu_memory_utilization * share, 3)})
    return sampler.model_copy(update={_SAMPLER: share * engine.tensor_parallel, "engine": engine})
