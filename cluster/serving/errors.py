"""Errors in the form of OpenAI's API."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

_MAX_VALUE_CHARS = 80


class ApiError(Exception):
    """A failed request: its HTTP status, the message, the parameter at fault, and when to repeat it."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, Any]:
        """The JSON body of the response."""
        kind = {429: "rate_limit_error"}.get(
            self.status, "invalid_request_error" if self.status < 500 else "server_error"
        )
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The response, as JSON in ASCII: the message may contain characters that cannot be encoded."""
        retry = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        all_headers = {**retry, **(headers or {})}
        return Response(json.dumps(self.body()), self.status, all_headers, media_type="application/json")


def as_api_error(errors: Sequence[Any]) -> ApiError:
    """The first of a request's validation errors (pydantic's error dictionaries), with the name of its field."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return ApiError(400, f"the body is not JSON: {first['ctx']['error']}")
    param = _field_name([part for part in first["loc"] if part != "body"])
    if not param:
        return ApiError(400, "the body must be a JSON object, sent with Content-Type: application/json")
    if first["type"] == "missing":
        return ApiError(400, f"{param} is missing", param, "missing_required_parameter")
    if first["type"] == "extra_forbidden":
        return ApiError(400, f"{param} is not supported: leave it out", param, "unsupported_parameter")
    message = first["msg"].removeprefix("Value error, ")
    given = f", not {_shorten(repr(first['input']))}" if isinstance(first["input"], str | int | float) else ""
    return ApiError(400, f"{param}: {message[0].lower()}{message[1:]}{given}", param, "invalid_value")


def _field_name(location: Sequence[str | int]) -> str:
    """The location `("messages", 0, "content")` as `messages[0].content`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_VALUE_CHARS else f"{text[:_MAX_VALUE_CHARS]}..."
