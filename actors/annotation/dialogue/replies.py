"""A teacher's answer as it came from the API, checked field by field: servers are compatible to different degrees."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store.annotation.texts import storable
from store.records import Usage


class BadReplyError(ValueError):
    """The server sent something that is no chat completion."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Call(_Part):
    """A call of a tool; `arguments` should be JSON."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class Reply(_Part):
    """An answer: its text, its calls, why it ended, and who wrote it.

    `model` is the version that the server names. `usage` is None if there was none, or none that makes sense.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    finish_reason: str = Field(min_length=1)
    id: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    usage: Usage | None = None

    @property
    def is_cut(self) -> bool:
        """Whether the answer reached its limit of tokens."""
        return self.finish_reason == "length"


def read_reply(body: Any) -> Reply:
    """The first choice of a chat completion. Raises `BadReplyError` if it is none."""
    try:
        choice = body["choices"][0]
        message = choice["message"]
        fields = {
            "text": message.get("content") or message.get("refusal") or "",
            "calls": [_call(call) for call in message.get("tool_calls") or ()],
            "finish_reason": choice.get("finish_reason") or "",
            "id": body.get("id"),
            "model": body.get("model"),
            "fingerprint": body.get("system_fingerprint"),
            "usage": read_usage(body.get("usage")),
        }
        return Reply.model_validate(storable(fields))
    except (LookupError, TypeError, AttributeError, ValidationError) as error:
        raise BadReplyError(f"the response is no chat completion: {_first_line(error)}") from error


def read_usage(usage: Any) -> Usage | None:
    """The counts of tokens, None if they are missing or no counts."""
    if not isinstance(usage, Mapping):
        return None
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else 0
    counts = usage.get("prompt_tokens"), usage.get("completion_tokens"), cached or 0
    whole = [count for count in counts if isinstance(count, int) and not isinstance(count, bool) and count >= 0]
    return Usage(*whole) if len(whole) == len(counts) else None


def stored_reply(reply: Reply) -> dict[str, Any]:
    """A reply in the form that is stored."""
    return reply.model_dump(mode="json", exclude_defaults=True)


def _call(call: Any) -> dict[str, Any]:
    function = call["function"]
    return {
        "id": str(call.get("id") or ""),
        "name": str(function.get("name") or ""),
        "arguments": str(function.get("arguments") or ""),
    }


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0][:200]
