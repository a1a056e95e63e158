"""What can go wrong with an engine, from a single request to the whole."""


class EngineStartError(RuntimeError):
    """vLLM did not start; the message names the policy's folder and the reason."""


class EngineDied(RuntimeError):  # noqa: N818 - what happened to the engine
    """vLLM's engine is dead or silent, and so every request fails from now on. Its process must be replaced."""


class EngineBroken(EngineDied):
    """A swap stopped half-way, so it is unknown which weights the engine has: it must never sample again."""


class RequestFailed(Exception):  # noqa: N818 - what happened to the request
    """vLLM ended a request without a turn of the policy, and the engine lives on. This is a fault of ours.

    The message gives vLLM's reason. The same request may succeed when it is made again.
    """


class RequestInvalid(RequestFailed):
    """vLLM rejected what a request asks for, such as a schema that is none. It will fail again."""


class SwapError(RuntimeError):
    """New weights were not loaded; the engine keeps the version it had, whole."""


def one_line(error: BaseException) -> str:
    """The error's message on one line, without pydantic's wrapping around errors in vLLM's settings."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.partition("Value error, ")[2].partition(" [type=")[0] or text
