"""What can go wrong with a request, and what it costs."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import openai

from actors.annotation.dialogue.replies import BadReplyError

KEY_VARIABLE = "OPENAI_API_KEY"
_STOPS_THE_JOB = {401, 402, 403, 404, 405}
_RATE_LIMIT, _CONFLICT = 429, 409
# A gateway answers with these when it has lost the server behind it, which may have answered, and charged.
_ANSWER_LOST = {408, 499, 502, 504, *range(520, 528)}
_NOT_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout"}
_MAX_CHARS = 300


class TeacherError(Exception):
    """The teacher cannot be used as it is; the message says why. What was done so far is stored."""


class RequestFailure(Exception):  # noqa: N818 - what happened to a request
    """A request without an answer.

    `is_lost`: it may have been answered, and charged. `is_final`: sending it again would not help. `wait_s`: the server
    asked to wait so long; None if it did not.
    """

    def __init__(
        self,
        reason: str,
        *,
        is_lost: bool = False,
        is_final: bool = False,
        is_rate_limit: bool = False,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(_without_key(reason))
        self.is_lost = is_lost
        self.is_final = is_final
        self.is_rate_limit = is_rate_limit
        self.wait_s = wait_s


EXPECTED = (
    openai.APIError,
    json.JSONDecodeError,
    UnicodeDecodeError,
    RecursionError,  # JSON that is nested too deeply
    BadReplyError,
    TimeoutError,
)
"""What a request raises that was sent to a server which fails or misbehaves."""


def failure_of(error: Exception) -> RequestFailure:
    """What an error of `EXPECTED` means for its request.

    Raises:
        TeacherError: no request would succeed.
    """
    if isinstance(error, openai.APIStatusError):
        return _of_status(error)
    if isinstance(error, openai.APIConnectionError):
        cause = error.__cause__
        name = type(cause or error).__name__
        return RequestFailure(f"no answer: {name}: {cause or error}"[:_MAX_CHARS], is_lost=name not in _NOT_SENT)
    if isinstance(error, TimeoutError):
        return RequestFailure("no answer: the server was silent for too long", is_lost=True)
    return RequestFailure(f"unusable answer: {error}"[:_MAX_CHARS], is_lost=True)


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """The seconds that a server asks to wait: milliseconds, seconds, or the time until a date; None if it does not."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(float(headers[name]) * unit, 0.0)
        except (KeyError, ValueError):
            continue
    try:
        date = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return max((date - (now or datetime.now(UTC))).total_seconds(), 0.0)


def _without_key(text: str) -> str:
    """The text without the key, which a server may repeat: reasons are stored and logged."""
    key = os.environ.get(KEY_VARIABLE, "").strip()
    return text.replace(key, "***") if key else text


def _of_status(error: openai.APIStatusError) -> RequestFailure:
    status, reason = error.status_code, f"HTTP {error.status_code}: {error.message}"[:_MAX_CHARS]
    if status in _STOPS_THE_JOB or error.code == "insufficient_quota":
        raise TeacherError(
            f"the endpoint refuses requests ({_without_key(reason)}): check the address, the model and the key"
        )
    wait_s = retry_after_s(error.response.headers)
    if status == _RATE_LIMIT:
        return RequestFailure(reason, is_rate_limit=True, wait_s=wait_s)
    if status in _ANSWER_LOST:
        return RequestFailure(reason, is_lost=True, wait_s=wait_s)
    return RequestFailure(reason, is_final=status < 500 and status != _CONFLICT, wait_s=wait_s)
