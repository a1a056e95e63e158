"""What can be asked of `POST /v1/chat/completions`: the part of OpenAI's parameters that means something here."""

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
    """OpenAI's list of text parts as one text; a message without content (an assistant's tool call) as an empty one."""
    if content is None:
        return ""
    if not isinstance(content, list):
        return content
    if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        raise ValueError('only text is understood: a string, or a list of {"type": "text", "text": ...}')
    return "".join(str(part.get("text", "")) for part in content)


def _writable(text: str) -> str:
    """JSON can carry half of a surrogate pair, which no text holds."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("there is half of a surrogate pair in it, which is no character") from None
    return text


class Message(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(strict=True)  # further keys, such as a name, say nothing here and do no harm

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Annotated[str, BeforeValidator(_as_text), AfterValidator(_writable)] = ""


class StreamOptions(BaseModel):
    """What a stream tells beside the answer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    include_usage: bool = False


class ChatRequest(BaseModel):
    """A request for solutions of the last user message. A parameter that is null counts as left out."""

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
    user: str | None = Field(None, description="accepted, since many clients send it, and ignored")

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data

    @field_validator("messages")
    @classmethod
    def _asks_something(cls, messages: list[Message]) -> list[Message]:
        if not any(message.role == "user" and message.content.strip() for message in messages):
            raise ValueError("there is no message with role 'user' and a text, which would be the question")
        return messages

    @field_validator("stream_options")
    @classmethod
    def _streams(cls, options: StreamOptions | None, info: ValidationInfo) -> StreamOptions | None:
        if options is not None and not info.data.get("stream"):
            raise ValueError("only allowed with stream: true")
        return options

    @property
    def question(self) -> str:
        """The last user message; what stands before it is no part of the prompt that policies are trained on."""
        return next(m.content for m in reversed(self.messages) if m.role == "user" and m.content.strip())

    @property
    def limit(self) -> tuple[str, int] | None:
        """The name of the parameter that limits the tokens, and the limit."""
        if self.max_completion_tokens is not None:
            return "max_completion_tokens", self.max_completion_tokens
        return ("max_tokens", self.max_tokens) if self.max_tokens is not None else None
