"""What a request can ask of a turn beyond its sampling: log-probabilities, penalties, a form."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TurnOptions:
    """Options of a turn. By default it is sampled as in training.

    Attributes:
        top_logprobs: Alternatives of each token whose log-probabilities are returned; 0 returns the sampled token's
            alone, None nothing.
        frequency_penalty: Subtracted from a token's logit for each time that the turn has it [nats].
        presence_penalty: Subtracted from a token's logit if the turn has it [nats].
        logit_bias: Added to the logits of tokens, by id [nats].
        json_schema: The turn is JSON that fits this schema, which is JSON itself. `{}` allows any JSON.
    """

    top_logprobs: int | None = None
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    json_schema: str | None = None


AS_TRAINED = TurnOptions()


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """A sampled token with its log-probability [nats], and those of the most probable ones at its place, best first."""

    token_id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


def mean_logprob(tokens: Sequence[TokenLogprobs]) -> float:
    """The mean log-probability of tokens [nats]; minus infinity without any."""
    return sum(token.logprob for token in tokens) / len(tokens) if tokens else float("-inf")


OnTokens = Callable[[Sequence[int], Sequence[TokenLogprobs]], None]
"""Takes new token ids, and their log-probabilities if the options ask for these."""


def token_logprobs(completion: Any, start: int, top: int) -> list[TokenLogprobs]:
    """The log-probabilities in a completion of vLLM, from the token at `start` on, with `top` alternatives each."""
    if completion.logprobs is None:
        return []
    places = zip(completion.token_ids[start:], completion.logprobs[start:], strict=True)
    return [_at_place(token_id, place, top) for token_id, place in places]


def _at_place(token_id: int, place: Mapping[int, Any], top: int) -> TokenLogprobs:
    best = sorted(place.items(), key=lambda item: -item[1].logprob)[:top]  # vLLM adds the sampled one to them
    return TokenLogprobs(token_id, place[token_id].logprob, tuple((other, found.logprob) for other, found in best))
