"""What a request tells the scheduler about its turn, in vLLM's `extra_args`."""

from typing import Any

_STOP, _WHOLE = "turn_stop", "turn_whole"


def turn_arguments(stop: str, *, whole: bool) -> dict[str, Any]:
    """Arguments for a turn that ends with the text `stop`; if `whole`, its tokens are sent together."""
    return {_STOP: stop, _WHOLE: whole}


def stop_of(params: Any) -> str | None:
    """The text that ends the turn, None for a request that is no turn."""
    stop: str | None = _arguments(params).get(_STOP)
    return stop


def is_whole(params: Any) -> bool:
    """Whether the tokens of the turn are sent together."""
    return bool(_arguments(params).get(_WHOLE))


def _arguments(params: Any) -> dict[str, Any]:
    return (params.extra_args if params is not None else None) or {}
