"""Starts vLLM, and the imports of its parts ahead of the start."""

import gc
import threading
from contextlib import nullcontext
from typing import Any

from actors.engine.process.forking import forked_engines, start_importing
from actors.engine.process.quiet_imports import without_collection
from actors.engine.process.segments import outlive_process_group

# The least that vLLM's attention takes on CPUs. A turn finds the whole blocks of the turns before it in the cache; with
# vLLM's own choice, 128 tokens, it would compute most of a short rollout again.
_CPU_CACHE_BLOCK_TOKENS = 32


def preload(*, on_cpu: bool) -> None:
    """Begin to import vLLM, here and, on a CPU, in the process that engines are forked from. Returns at once.

    The environment must be as vLLM needs it: what is read when torch is imported cannot be changed later.
    """
    outlive_process_group()
    if on_cpu:
        start_importing()
    threading.Thread(target=_import_vllm, name="import vLLM", daemon=True).start()


def make_engine(arguments: dict[str, Any], *, on_cpu: bool) -> Any:
    """Start an engine (`AsyncLLM`) and wait until it is ready.

    On a GPU its process is a new interpreter, which imports vLLM again: CUDA does not survive a fork, and vLLM may have
    looked at the GPUs by then.
    """
    outlive_process_group()
    _import_vllm()
    from vllm import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    if on_cpu:
        arguments = arguments | {"block_size": _CPU_CACHE_BLOCK_TOKENS}
    with forked_engines() if on_cpu else nullcontext():
        engine = AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments))
    _remember_end_token(engine.renderer)
    _collect_rarely()
    return engine


def _collect_rarely() -> None:
    """Exempt what was imported from garbage collection, and let many objects be made between two collections.

    Looking through the imports took an eighth of a busy sampler's time. Looking again and again at hundreds of rollouts
    under way, of which nearly all is freed by reference counts, took another eighth.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _remember_end_token(renderer: Any) -> None:
    """Look the end token up once: vLLM does for each request, and transformers takes a tenth of a millisecond."""
    end_token = renderer.get_eos_token_id()
    renderer.get_eos_token_id = lambda: end_token


def _import_vllm() -> None:
    with without_collection():
        import vllm.v1.engine.async_llm  # noqa: F401
