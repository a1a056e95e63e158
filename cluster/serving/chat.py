"""The request body of `POST /v1/chat/completions`: the supported part of OpenAI's parameters."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

MAX_CHOICES = 8


def _as_text(content: Any) -> Any:
    """Join OpenAI's list of text parts. Null content, as in an assistant's tool call, becomes the empty text."""
    if content is None:
        return ""
    if not isinstance(content, list):
        return content
    if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        raise ValueError('only text is supported: a string, or a list of {"type": "text", "text": ...}')
    return "".join(str(part.get("text", "")) for part in content)


def _encodable(text: str) -> str:
    """Reject half of a surrogate pair, which JSON can contain but text cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair, which is not a character") from None
    return text


class Message(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(strict=True)  # other keys, such as a name, are ignored

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[str, BeforeValidator(_as_text), AfterValidator(_encodable)] = ""


class StreamOptions(BaseModel):
    """What a stream contains besides the solutions."""

    model_config = ConfigDict(extra="forbid", strict=True)

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A request for solutions to the last user message. A null parameter counts as unset."""

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str
    messages: list[Message] = Field(min_length=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    n: int = Field(1, ge=1, le=MAX_CHOICES)
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: str | None = Field(None, description="ignored; accepted because many clients send it")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data

    @field_validator("messages")
    @classmethod
    def _has_a_question(cls, messages: list[Message]) -> list[Message]:
        if not any(message.role == "user" and message.content.strip() for message in messages):
            raise ValueError("must contain a message with role 'user' and a text, which is the question")
        return messages

    @field_validator("stream_options")
    @classmethod
    def _needs_stream(cls, options: StreamOptions | None, info: ValidationInfo) -> StreamOptions | None:
        if options is not None and not info.data.get("stream"):
            raise ValueError("only allowed with stream: true")
        return options

    @property
    def question(self) -> str:
        """The last user message. Earlier messages are dropped: policies are trained on a question alone."""
        return next(m.content for m in reversed(self.messages) if m.role == "user" and m.content.strip())

    @property
    def limit(self) -> tuple[str, int] | None:
        """The parameter that limits the tokens, and its value, if one is set."""
        if self.max_completion_tokens is not None:
            return "max_completion_tokens", self.max_completion_tokens
        return ("max_tokens", self.max_tokens) if self.max_tokens is not None else None
