"""Starts vLLM, and the imports of its parts ahead of the start."""

import threading
from contextlib import nullcontext
from typing import Any

from actors.engine.process.forking import forked_engines, start_importing
from actors.engine.process.quiet_imports import without_collection


def preload(*, fork: bool) -> None:
    """Begin to import vLLM, here and, if `fork`, in the process that engines are forked from. Returns at once.

    The environment must be as vLLM needs it: what is read when torch is imported cannot be changed later.
    """
    if fork:
        start_importing()
    threading.Thread(target=_import_vllm, name="import vLLM", daemon=True).start()


def make_engine(arguments: dict[str, Any], *, fork: bool) -> Any:
    """Start an engine (`AsyncLLM`) and wait until it is ready.

    Without `fork` its process is a new interpreter, which imports vLLM again: on a GPU, since CUDA does not survive a
    fork, and vLLM may have looked at the GPUs by then.
    """
    _import_vllm()
    from vllm import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    with forked_engines() if fork else nullcontext():
        return AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments))


def _import_vllm() -> None:
    with without_collection():
        import vllm.v1.engine.async_llm  # noqa: F401
