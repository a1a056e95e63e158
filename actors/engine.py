"""The vLLM engine: samples turns without pause and takes new weights while requests are in flight."""

import asyncio
import itertools
import json
import logging
import os
import struct
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from actors.dtype import resolve_dtype
from actors.lifeline import Lifeline
from actors.rollout import End, Generation
from actors.settings import EngineSettings
from store.records import PolicySpan, Sampling

log = logging.getLogger(__name__)

_WORKER_EXTENSION = "actors.reloading.WeightReloading"


class EngineStartError(RuntimeError):
    """The engine could not be started: the message says with which folder and why."""


class SwapError(RuntimeError):
    """New weights could not be loaded; the engine goes on with the version it had, unless it says that it is lost."""


class PolicyEngine:
    """One vLLM engine (`AsyncLLM`) and the version of the policy in it.

    Requests in flight while weights are swapped are kept: they go on under the new version, and their spans say so.
    """

    def __init__(self, settings: EngineSettings, stop: str) -> None:
        self._settings = settings
        self._stop = stop
        self._engine: Any = None
        self._request_ids = itertools.count()
        self._swap_lock = asyncio.Lock()
        self._folder = Path()
        self.version = -1

    async def start(self, folder: str | Path, version: int) -> None:
        """Loads the policy in `folder`.

        Raises:
            EngineStartError: vLLM refused the folder, or did not answer within `start_timeout_s`.
        """
        _set_environment(self._settings)
        from vllm import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        try:
            async with asyncio.timeout(self._settings.start_timeout_s):
                # A thread goes on when it is given up; whoever started the engine ends, and that with it.
                self._engine = await asyncio.to_thread(
                    AsyncLLM.from_engine_args, AsyncEngineArgs(**_engine_arguments(self._settings, folder))
                )
                await self._engine.update_weight_version(str(version))
        except TimeoutError:
            limit = f"{self._settings.start_timeout_s:g} s (sampler.engine.start_timeout_s)"
            raise EngineStartError(f"vLLM did not start with the policy in {folder} within {limit}") from None
        except (RuntimeError, ValueError, OSError) as error:
            raise EngineStartError(f"vLLM did not start with the policy in {folder}: {_in_a_line(error)}") from error
        self._folder, self.version = Path(folder), version

    async def generate(
        self,
        context_ids: tuple[int, ...],
        max_tokens: int,
        sampling: Sampling,
        on_tokens: Callable[[Sequence[int]], None] | None = None,
    ) -> Generation:
        """Samples one turn: until the stop text (kept in the tokens), the end token, or `max_tokens`.

        `on_tokens` hears each new piece of the turn as it is sampled; the pieces together are the turn.
        """
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        params = SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=sampling.seed,
            max_tokens=max_tokens,
            stop=[self._stop],
            include_stop_str_in_output=True,
            output_kind=RequestOutputKind.CUMULATIVE if on_tokens else RequestOutputKind.FINAL_ONLY,
        )
        request_id = f"turn-{next(self._request_ids)}"
        completion, heard = None, 0
        async for output in self._engine.generate({"prompt_token_ids": list(context_ids)}, params, request_id):
            completion = output.outputs[0]
            if on_tokens:
                on_tokens(completion.token_ids[heard:])
                heard = len(completion.token_ids)
        assert completion is not None, "vLLM ends every stream with an output"
        token_ids = tuple(completion.token_ids)
        spans = tuple(PolicySpan(int(s.version), s.start, s.end) for s in completion.weight_versions or ())
        return Generation(token_ids, spans, _end(completion))

    async def swap(self, folder: str | Path, version: int) -> None:
        """Loads another version's weights into the running engine; requests in flight wait and go on.

        A folder whose tensors are cut off, or differ from the loaded policy's in name or shape, is refused before
        anything is touched. If loading fails half way, the weights of the present version are loaded again.

        Raises:
            SwapError: the new version is not loaded.
        """
        async with self._swap_lock:
            if version == self.version:
                return
            _require_same_tensors(self._folder, Path(folder))
            await self._engine.pause_generation(mode="keep")
            try:
                await self._load(folder, version)
            finally:
                await self._engine.resume_generation()
            self._folder, self.version = Path(folder), version

    async def _load(self, folder: str | Path, version: int) -> None:
        try:
            async with asyncio.timeout(self._settings.swap_timeout_s):
                await self._engine.collective_rpc("reload_policy", args=(str(folder),))
                await self._engine.update_weight_version(str(version))
        except Exception as error:  # vLLM hands on whatever the worker raised
            log.warning("loading version %d from %s failed; going back to %d", version, folder, self.version)
            await self._engine.collective_rpc("reload_policy", args=(str(self._folder),))
            raise SwapError(
                f"the weights of version {version} in {folder} could not be loaded ({error}); "
                f"the sampler goes on with version {self.version}"
            ) from error

    async def check_health(self) -> None:
        """Raises what killed the engine, if it is dead."""
        await self._engine.check_health()

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return int(self._engine.get_num_unfinished_requests()) if self._engine is not None else 0

    def close(self) -> None:
        """Stops the engine and its processes."""
        if self._engine is not None:
            self._engine.shutdown()
            self._engine = None


def _in_a_line(error: BaseException) -> str:
    """What an exception says, without the form that pydantic, which checks vLLM's settings, puts around it."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.partition("Value error, ")[2].partition(" [type=")[0] or text


def _end(completion: Any) -> End:
    """vLLM gives the stop text as the reason; an end token's id, or None for the tokenizer's own."""
    if completion.finish_reason != "stop":
        return End.LIMIT
    return End.STOP_TEXT if isinstance(completion.stop_reason, str) else End.END_TOKEN


def _set_environment(settings: EngineSettings) -> None:
    """vLLM reads these when it is imported, and hands them on to the process of its engine."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(settings.cpu_kv_cache_gib))
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # else one core in two is kept from a small machine
    if is_installed("vllm-cpu"):
        # Lets the CPU engine work in one process instead of two, which saves the imports of one.
        os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        # Ray gave this process as many as the CPUs that it asked for, and at least one.
        os.environ["OMP_NUM_THREADS"] = str(settings.cpu_threads or len(os.sched_getaffinity(0)))
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def is_installed(distribution: str) -> bool:
    """Is a package of that name here? vLLM has two, of which one is for CPUs."""
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _engine_arguments(settings: EngineSettings, folder: str | Path) -> dict[str, Any]:
    return {
        "model": str(folder),
        "dtype": resolve_dtype(settings.dtype, on_gpu=is_installed("vllm")),
        "max_model_len": settings.max_model_len,
        "max_num_seqs": settings.max_concurrent_rollouts,
        "tensor_parallel_size": settings.tensor_parallel,
        "gpu_memory_utilization": settings.gpu_memory_utilization,
        "enforce_eager": settings.enforce_eager,
        "distributed_executor_backend": "uni" if settings.tensor_parallel == 1 else "mp",
        "worker_extension_cls": _WORKER_EXTENSION,
        "additional_config": Lifeline(),
        "seed": settings.seed,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
    }


def _require_same_tensors(present: Path, new: Path) -> None:
    try:
        ours, theirs = _tensor_shapes(present), _tensor_shapes(new)
    except (OSError, ValueError) as error:
        raise SwapError(f"the policy in {new} cannot be read: {error}") from error
    if not theirs:
        raise SwapError(f"{new} has no *.safetensors files: it is no published policy")
    if ours and ours != theirs:
        differing = sorted({name for name, _ in ours.items() ^ theirs.items()})
        raise SwapError(f"the policy in {new} is not of the running model's shape: {', '.join(differing[:3])} differ")


def _tensor_shapes(folder: Path) -> Mapping[str, tuple[int, ...]]:
    """Names and shapes of a folder's tensors, from the safetensors headers alone (8 bytes of length, then JSON)."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        tensors = _read_header(path)
        shapes.update((name, tuple(spec["shape"])) for name, spec in tensors.items())
    return shapes


def _read_header(path: Path) -> dict[str, Any]:
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        header_bytes = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size_bytes
        if 8 + header_bytes > size_bytes:
            raise ValueError(f"{path.name} is cut off or no safetensors file")
        header = json.loads(file.read(header_bytes))
    tensors = {name: spec for name, spec in header.items() if name != "__metadata__"}
    end_bytes = 8 + header_bytes + max((spec["data_offsets"][1] for spec in tensors.values()), default=0)
    if end_bytes != size_bytes:
        raise ValueError(f"{path.name} is cut off: it has {size_bytes} bytes where its header tells of {end_bytes}")
    return tensors
