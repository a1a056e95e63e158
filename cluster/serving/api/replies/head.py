"""What all objects of a reply begin with, and what all replies share."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from actors.engine import TurnOptions
from actors.rollouts.rollout import last_version
from cluster.serving.api.requests.parameters import SamplingRequest
from cluster.serving.errors import ApiError
from store.records import Sampling


@dataclass(frozen=True)
class Head:
    """The fields that all objects of a reply begin with. `prefix` begins its id, `kind` is the object's."""

    model: str
    prefix: str
    kind: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def fields(self, suffix: str = "") -> dict[str, Any]:
        """The fields, of a chunk if `suffix` says so."""
        return {
            "id": f"{self.prefix}-{self.id}",
            "object": f"{self.kind}{suffix}",
            "created": self.created,
            "model": self.model,
        }


def usage(prompt: int, completion: int) -> dict[str, int]:
    """The counts of tokens."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def written_by(versions: tuple[int, ...]) -> dict[str, Any]:
    """The version that wrote the end of a text, and all that wrote parts of it."""
    return {"policy_version": last_version(versions), "policy_versions": versions}


def samplings_of(request: SamplingRequest, default: Sampling, count: int, *, on_gpu: bool) -> list[Sampling]:
    """The sampling of each of a request's texts, by default as given; each has a seed of its own if one is set.

    Raises:
        ApiError: the engine cannot sample so.
    """
    sampling = Sampling(
        temperature=default.temperature if request.temperature is None else request.temperature,
        top_p=default.top_p if request.top_p is None else request.top_p,
    )
    if request.seed is None or sampling.temperature == 0:
        return [sampling] * count
    if not on_gpu and sampling.top_p < 1:
        raise ApiError(400, "seed: not with top_p below 1 on a server without a GPU", "seed", "unsupported_parameter")
    return [sampling.seeded(request.seed, str(index)) for index in range(count)]


def options_of(
    request: SamplingRequest, vocabulary_size: int, top_logprobs: int | None, json_schema: str | None = None
) -> TurnOptions:
    """The options of a request's turns.

    Raises:
        ApiError: a bias is for no token of the policy.
    """
    unknown = [token for token in request.logit_bias if token >= vocabulary_size]
    if unknown:
        message = f"logit_bias: token {unknown[0]} is not one of the policy's {vocabulary_size}"
        raise ApiError(400, message, "logit_bias", "invalid_value")
    return TurnOptions(
        top_logprobs=top_logprobs,
        frequency_penalty=request.frequency_penalty,
        presence_penalty=request.presence_penalty,
        logit_bias=request.logit_bias,
        json_schema=json_schema,
    )
