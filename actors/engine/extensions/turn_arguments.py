"""What a request tells the scheduler about its turn, in vLLM's `extra_args`."""

from typing import Any

_STOP, _STREAMED = "turn_stop", "turn_streamed"


def turn_arguments(stop: str, *, streamed: bool) -> dict[str, Any]:
    """Arguments for a turn that ends with the text `stop`, whose tokens are sent as they come, or together."""
    return {_STOP: stop, _STREAMED: streamed}


def stop_of(params: Any) -> str | None:
    """The text that ends the turn, None for a request that is no turn."""
    stop: str | None = _arguments(params).get(_STOP)
    return stop


def is_streamed(params: Any) -> bool | None:
    """Whether the tokens of the turn are sent as they come, or together; None for a request that is no turn."""
    streamed: bool | None = _arguments(params).get(_STREAMED)
    return streamed


def _arguments(params: Any) -> dict[str, Any]:
    return (params.extra_args if params is not None else None) or {}
