"""Settings of annotation: the teacher, what it is asked for, and what it costs."""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from actors.formats import get_format

OPENAI_URL = "https://api.openai.com/v1"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TokenPrice(_Settings):
    """What a teacher's tokens cost, in US dollars per million."""

    input: Decimal = Field(ge=0, description="tokens of the prompt")
    output: Decimal = Field(ge=0, description="tokens of the completion, hidden reasoning included")
    cached_input: Decimal | None = Field(
        None, ge=0, description="tokens of the prompt that the server had in its cache; unset: as other tokens"
    )
    batch_factor: Decimal = Field(
        Decimal(1), gt=0, le=1, description="factor of all prices in OpenAI's Batch API, which gives a discount"
    )


class AnnotationSettings(_Settings):
    """A teacher, and how it is asked."""

    model: str = Field(min_length=1)
    base_url: str = Field(OPENAI_URL, pattern=r"^https?://\S+$", description="of any OpenAI-compatible API")
    prices: dict[str, TokenPrice] = Field({}, description="by model")
    solution_format: str = "tir"
    calls: Literal["fenced", "tools"] = Field(
        "fenced", description="how the teacher has code run: in fenced blocks, or by calls of a tool"
    )
    samples: int = Field(3, ge=1, le=64, description="attempts at each problem")
    temperatures: tuple[float, ...] = Field(
        (0.0, 0.6, 0.6), min_length=1, description="of the attempts, in turn; the last is that of all further ones"
    )
    max_blocks: int = Field(5, ge=0, description="code blocks of an attempt; one with more is truncated")
    max_tokens: int = Field(2048, ge=16, description="tokens of one answer of the teacher")
    max_output_chars: int = Field(1000, ge=16, description="characters of a block's output that the teacher sees")
    token_limit: Literal["max_completion_tokens", "max_tokens"] = Field(
        "max_completion_tokens", description="parameter that limits an answer; older servers know `max_tokens` only"
    )
    stream: bool = Field(True, description="stream answers, so that a silent server is noticed at once")
    keep: int = Field(4, ge=1, description="verified solutions that are kept of a problem, by all teachers")
    concurrency: int = Field(8, ge=1, le=1024, description="attempts under way at a time")
    connect_s: float = Field(20.0, gt=0, description="limit for a connection")
    silence_s: float = Field(120.0, gt=0, description="a request is given up after so long without a byte")
    retries: int = Field(5, ge=0, description="how often a failed request is sent again")
    retry_pause_s: float = Field(1.0, gt=0, description="before the first of these; it doubles with each, with jitter")
    rate_limit_s: float = Field(900.0, gt=0, description="how long a request waits for its rate limit")
    overhead_tokens: int = Field(
        512, ge=0, description="tokens that a server may add to a prompt, for reservations in the budget"
    )
    batch_size: int = Field(1000, ge=1, le=50_000, description="requests of a batch, at most")
    batch_poll_s: float = Field(30.0, gt=0, description="between two looks at a batch")

    @field_validator("solution_format")
    @classmethod
    def _is_registered(cls, name: str) -> str:
        return get_format(name).name

    @field_validator("base_url")
    @classmethod
    def _has_no_secret(cls, url: str) -> str:
        if "@" in url or "?" in url:
            raise ValueError("an address without user, password or query: it is stored, and a key must not be")
        return url

    @field_validator("temperatures")
    @classmethod
    def _are_temperatures(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 <= value <= 2 for value in values):
            raise ValueError("temperatures are from 0 to 2")
        return values

    @property
    def all_temperatures(self) -> tuple[float, ...]:
        """The temperature of each attempt at a problem."""
        last = self.temperatures[-1]
        return (*self.temperatures[: self.samples], *([last] * (self.samples - len(self.temperatures))))
