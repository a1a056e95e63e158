"""The parameters that OpenAI's chat completions and completions share."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar

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
MAX_STOPS = 4

MAX_BIASES = 1024

_IGNORED = ("metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "parallel_tool_calls")
"""Parameters that change no answer, which clients send all the same."""

_DEFAULTS: Mapping[str, Any] = {
    "modalities": ["text"],
    "repetition_penalty": 1.0,
    "reasoning_effort": "none",
}
"""Values of unsupported parameters that ask for nothing, besides false, 0 and what is empty."""


def encodable(text: str) -> str:
    """Reject half of a surrogate pair, which JSON can contain but text cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair, which is not a character") from None
    return text


def _as_list(stop: Any) -> Any:
    return [stop] if isinstance(stop, str) else stop


StopText = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(encodable)]


class StreamOptions(BaseModel):
    """What a stream contains besides the texts."""

    model_config = ConfigDict(extra="forbid", strict=True)

    include_usage: bool = False


def _by_id(biases: Any) -> Any:
    """The keys of a JSON object, which are texts, as ids."""
    if not isinstance(biases, dict):
        return biases
    return {int(key) if isinstance(key, str) and key.isdecimal() else key: bias for key, bias in biases.items()}


Bias = Annotated[float, Field(ge=-100, le=100)]


class SamplingRequest(BaseModel):
    """How to sample, and how to send it.

    A null parameter counts as unset, and so does one that is not supported if its value asks for nothing.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    unset_if_empty: ClassVar[Collection[str]] = ("frequency_penalty", "presence_penalty", "logit_bias", "user")

    model: str | None = Field(None, description="the promoted policy if unset")
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: Annotated[list[StopText], BeforeValidator(_as_list)] = Field([], max_length=MAX_STOPS)
    max_tokens: int | None = Field(None, ge=1)
    frequency_penalty: float = Field(0.0, ge=-2, le=2)
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    logit_bias: Annotated[dict[Annotated[int, Field(ge=0)], Bias], BeforeValidator(_by_id)] = Field(
        {}, max_length=MAX_BIASES
    )
    user: str = Field("", max_length=512, description="clients with the same address and user share a queue")
    n: int = Field(1, ge=1, le=MAX_CHOICES)
    stream: bool = False
    stream_options: StreamOptions | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_what_asks_for_nothing(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if not cls._asks_for_nothing(key, value)}

    @field_validator("stream_options")
    @classmethod
    def _needs_stream(cls, options: StreamOptions | None, info: ValidationInfo) -> StreamOptions | None:
        if options is not None and not info.data.get("stream"):
            raise ValueError("only allowed with stream: true")
        return options

    @property
    def streams_usage(self) -> bool:
        """Whether a stream ends with a count of its tokens."""
        return self.stream_options is not None and self.stream_options.include_usage

    @classmethod
    def _asks_for_nothing(cls, name: str, value: Any) -> bool:
        if value is None:
            return True
        if name in cls.model_fields and name not in cls.unset_if_empty:
            return False
        if name in _IGNORED:
            return True
        is_empty = isinstance(value, bool | int | float | str | list | dict) and not value
        return is_empty or value == _DEFAULTS.get(name)
