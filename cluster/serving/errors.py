"""Errors in the shape in which OpenAI's API and its clients speak of them."""

from collections.abc import Sequence
from typing import Any

_SHOWN_CHARS = 80


class ApiError(Exception):
    """A request that is not answered: an HTTP status, and what was wrong with which field."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """The JSON that clients read."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


def as_api_error(errors: Sequence[Any]) -> ApiError:
    """What FastAPI found wrong in a request (pydantic's error dictionaries): the first error, by its field's name."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return ApiError(400, f"the body is not JSON: {first['ctx']['error']}")
    param = _name([part for part in first["loc"] if part != "body"])
    if not param:
        return ApiError(400, "the body must be a JSON object, sent with Content-Type: application/json")
    if first["type"] == "missing":
        return ApiError(400, f"{param} is missing", param, "missing_required_parameter")
    if first["type"] == "extra_forbidden":
        return ApiError(400, f"{param} is not supported: leave it out", param, "unsupported_parameter")
    message = first["msg"].removeprefix("Value error, ")
    given = f", not {_cut(repr(first['input']))}" if isinstance(first["input"], str | int | float) else ""
    return ApiError(400, f"{param}: {message[0].lower()}{message[1:]}{given}", param, "invalid_value")


def _name(location: Sequence[str | int]) -> str:
    """`("messages", 0, "content")` as `messages[0].content`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."
