"""The engine of a sampler: vLLM with one policy, its swaps, and the watch over its tokens.

Begin with `policy_engine.py`; `weights.py` is the swap, `watch.py` finds silence.
"""

from actors.engine.errors import EngineBroken, EngineDied, EngineStartError, RequestFailed, RequestInvalid, SwapError
from actors.engine.launch import engine_build, is_installed
from actors.engine.options import AS_TRAINED, TokenLogprobs, TurnOptions, mean_logprob
from actors.engine.policy_engine import PolicyEngine
from actors.engine.watch import RequestProgress

__all__ = [
    "AS_TRAINED",
    "EngineBroken",
    "EngineDied",
    "EngineStartError",
    "PolicyEngine",
    "RequestFailed",
    "RequestInvalid",
    "RequestProgress",
    "SwapError",
    "TokenLogprobs",
    "TurnOptions",
    "engine_build",
    "is_installed",
    "mean_logprob",
]
