"""The parts of a streamed chat completion, put together."""

from typing import Any

from actors.annotation.dialogue.replies import BadReplyError


class CollectedStream:
    """Collects the parts of a stream into the completion that would have come without streaming."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._finish_reason: str | None = None
        self._usage: Any = None
        self._head: dict[str, Any] = {}

    def add(self, part: Any) -> None:
        """Add the next part. Raises `BadReplyError` if it is none."""
        try:
            for name in ("id", "model", "system_fingerprint"):
                if part.get(name):
                    self._head.setdefault(name, part[name])
            self._usage = part.get("usage") or self._usage
            for choice in part.get("choices") or ():
                self._add_delta(choice.get("delta") or {})
                self._finish_reason = choice.get("finish_reason") or self._finish_reason
        except (AttributeError, TypeError, LookupError, ValueError) as error:
            raise BadReplyError(f"a part of the stream is no chat completion: {type(error).__name__}") from error

    def completion(self) -> dict[str, Any]:
        """The completion. Raises `BadReplyError` if the stream ended before it did."""
        if self._finish_reason is None:
            raise BadReplyError("the stream ended before the answer did")
        calls = [
            {"id": call["id"], "function": {"name": call["name"], "arguments": call["arguments"]}}
            for _, call in sorted(self._calls.items())
        ]
        message = {"content": "".join(self._texts), "tool_calls": calls}
        choice = {"message": message, "finish_reason": self._finish_reason}
        return self._head | {"choices": [choice], "usage": self._usage}

    def _add_delta(self, delta: dict[str, Any]) -> None:
        if text := delta.get("content") or delta.get("refusal"):
            self._texts.append(str(text))
        for position, part in enumerate(delta.get("tool_calls") or ()):
            index = part.get("index")
            call = self._calls.setdefault(
                position if index is None else int(index), {"id": "", "name": "", "arguments": ""}
            )
            function = part.get("function") or {}
            call["id"] = part.get("id") or call["id"]
            call["name"] = function.get("name") or call["name"]
            call["arguments"] += function.get("arguments") or ""
