"""Replacing the weights of a running vLLM engine: paused, loaded, labelled, resumed; or restored, or broken."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from actors.engine.errors import EngineBroken, SwapError, one_line
from actors.engine.policy_files import GIB, size_bytes
from actors.settings import EngineSettings
from store.records import PolicyPointer

log = logging.getLogger(__name__)


async def replace_weights(engine: Any, loaded: PolicyPointer, new: PolicyPointer, settings: EngineSettings) -> None:
    """Replace the weights of `loaded` by those of `new` in vLLM's `AsyncLLM`, while its requests are paused.

    vLLM's processes go on with a call that was not answered in time, so that nothing can be said of the weights
    afterwards: the engine is broken, as it is after a cancellation. An error that vLLM reports leaves it able to load
    `loaded` again.

    Raises:
        SwapError: the new weights were not loaded; the engine has those of `loaded` again.
        EngineBroken: the engine may have parts of both, and is still paused.
    """
    try:
        async with _limit(settings.silence_s, "vLLM's pause"):
            await engine.pause_generation(mode="keep")
        refusal = await _load_or_restore(engine, loaded, new, settings)
        async with _limit(settings.silence_s, "vLLM's resumption"):
            await engine.resume_generation()
    except EngineBroken:
        raise
    except asyncio.CancelledError:
        raise EngineBroken(f"the swap to policy {new.version} was cancelled half-way") from None
    except Exception as error:  # whatever vLLM raises
        raise EngineBroken(f"the swap to policy {new.version} failed half-way: {one_line(error)}") from error
    if refusal is not None:
        raise refusal


async def _load_or_restore(
    engine: Any, loaded: PolicyPointer, new: PolicyPointer, settings: EngineSettings
) -> SwapError | None:
    """Load the new weights. If vLLM reports an error, load the old ones again, and return why."""
    try:
        await _load(engine, new, settings)
    except EngineBroken:
        raise
    except Exception as error:  # vLLM re-raises whatever its worker raised
        reason = one_line(error)
        log.warning(
            "policy %d was not loaded from %s; restoring policy %d: %s", new.version, new.path, loaded.version, reason
        )
        await _load(engine, loaded, settings)
        refusal = SwapError(
            f"policy {new.version} was not loaded from {new.path}: {reason}; the sampler keeps policy {loaded.version}"
        )
        refusal.__cause__ = error
        return refusal
    return None


async def _load(engine: Any, policy: PolicyPointer, settings: EngineSettings) -> None:
    limit_s = load_limit_s(policy, settings)
    async with _limit(limit_s, f"loading policy {policy.version} from {policy.path}"):
        await engine.collective_rpc("reload_policy", args=(policy.path,))
        await engine.update_weight_version(str(policy.version))


def load_limit_s(policy: PolicyPointer, settings: EngineSettings) -> float:
    """How long loading a policy into the running engine may take."""
    return settings.silence_s + settings.load_s_per_gib * size_bytes(Path(policy.path)) / GIB


@asynccontextmanager
async def _limit(seconds: float, what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise EngineBroken(
            f"{what} did not end within {seconds:g} s (sampler.engine.silence_s, load_s_per_gib)"
        ) from None
