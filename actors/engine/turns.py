"""One turn of the policy: vLLM's parameters for it, and what vLLM returned."""

import math
from dataclasses import dataclass
from typing import Any

from actors.engine.errors import RequestFailed
from actors.engine.extensions.turn_arguments import turn_arguments
from actors.rollouts.rollout import End, Generation
from store.records import PolicySpan, Sampling

# A turn repeats itself if its last tokens are 16 copies of 16 to 31 tokens. A shorter pattern repeats itself as a
# longer one, so that every pattern of up to 31 tokens is found once it has filled 256 to 496 tokens. The sixteen
# lengths are what vLLM compares at each token beyond the 256th, in about 10 microseconds; shorter turns cost nothing.
# Long runs in sound mathematics stay below: the 249 zeros of 1000!, a googol, a matrix of ten by ten zeros.
_PATTERN_TOKENS = (16, 31)
_COPIES = 16


@dataclass(frozen=True, slots=True)
class TurnRules:
    """What holds for all turns of an engine: their stop text, and what is detected and kept."""

    stop: str
    logprobs: bool
    end_on_repetition: bool


def turn_params(sampling: Sampling, max_tokens: int, rules: TurnRules, *, streamed: bool) -> Any:
    """vLLM's parameters for a turn that ends with the stop text (kept in the tokens), an end token, or a limit.

    Greedy sampling has no log-probabilities: nothing is trained on it that needs them.
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    keep_logprobs = rules.logprobs and sampling.temperature > 0
    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
        max_tokens=max_tokens,
        extra_args=turn_arguments(rules.stop, whole=not streamed),  # read by our scheduler
        detokenize=False,
        logprobs=0 if keep_logprobs else None,  # of the sampled token alone
        flat_logprobs=keep_logprobs,
        repetition_detection=repetition_rule() if rules.end_on_repetition else None,
        output_kind=RequestOutputKind.CUMULATIVE if streamed else RequestOutputKind.FINAL_ONLY,
        skip_clone=True,  # they are used once: no deep copy
    )


def repetition_rule() -> Any:
    """vLLM's parameters for the detection of repetition."""
    from vllm.sampling_params import RepetitionDetectionParams

    shortest, longest = _PATTERN_TOKENS
    return RepetitionDetectionParams(min_pattern_size=shortest, max_pattern_size=longest, min_count=_COPIES)


def to_generation(completion: Any) -> Generation:
    """The turn in a finished completion of vLLM.

    Raises:
        RequestFailed: neither the policy nor a limit ended it. vLLM's other reasons are "abort" and "error".
    """
    end = _end(completion)
    spans = tuple(PolicySpan(int(span.version), span.start, span.end) for span in completion.weight_versions or ())
    return Generation(tuple(completion.token_ids), spans, end, _logprobs(completion))


def _logprobs(completion: Any) -> tuple[float, ...] | None:
    if completion.logprobs is None:
        return None
    logprobs, tokens = tuple(completion.logprobs.logprobs), len(completion.token_ids)
    if len(logprobs) != tokens:
        raise RequestFailed(f"vLLM returned {len(logprobs)} log-probabilities for {tokens} tokens")
    if math.isnan(sum(logprobs)):
        raise RequestFailed("vLLM returned log-probabilities that are no numbers")
    return logprobs if max(logprobs, default=0.0) <= 0 else tuple(min(value, 0.0) for value in logprobs)


def _end(completion: Any) -> End:
    """Why the turn ended. `stop_reason` is the stop text, an end token's id, or None for the tokenizer's own."""
    if completion.finish_reason == "length":
        return End.LIMIT
    if completion.finish_reason == "repetition":
        return End.REPETITION
    if completion.finish_reason != "stop":
        raise RequestFailed(f"vLLM ended the request with the reason {completion.finish_reason!r}")
    return End.STOP_TEXT if isinstance(completion.stop_reason, str) else End.END_TOKEN
