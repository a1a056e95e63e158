"""One turn of the policy: vLLM's parameters for it, and what vLLM returned."""

import math
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from actors.engine.errors import RequestFailed
from actors.engine.extensions.turn_arguments import turn_arguments
from actors.engine.options import AS_TRAINED, TurnOptions, token_logprobs
from actors.rollouts.rollout import End, Generation
from store.records import PolicySpan, Sampling

# A turn repeats itself if its last tokens are 16 copies of 16 to 31 tokens. A shorter pattern repeats itself as a
# longer one, so that every pattern of up to 31 tokens is found once it has filled 256 to 496 tokens. The sixteen
# lengths are what vLLM compares at each token beyond the 256th, in about 10 microseconds; shorter turns cost nothing.
# Long runs in sound mathematics stay below: the 249 zeros of 1000!, a googol, a matrix of ten by ten zeros.
_PATTERN_TOKENS = (16, 31)
_COPIES = 16
_CACHED_PARAMS = 64


@dataclass(frozen=True, slots=True)
class TurnRules:
    """What holds for all turns of an engine: their stop text, and what is detected and kept."""

    stop: str
    logprobs: bool
    end_on_repetition: bool


class TurnParams:
    """Makes vLLM's parameters for the turns of one engine.

    vLLM checks parameters when they are made, which takes longer than all else that it does to add a request. So they
    are made once for all turns without options that differ in their limit and seed alone.
    """

    def __init__(self, rules: TurnRules) -> None:
        self._rules = rules
        self._as_trained = lru_cache(_CACHED_PARAMS)(partial(self._check, AS_TRAINED))

    def make(self, sampling: Sampling, max_tokens: int, options: TurnOptions = AS_TRAINED, *, streamed: bool) -> Any:
        """The parameters of a turn that ends with the stop text (kept in the tokens), an end token, or a limit."""
        if options == AS_TRAINED:
            params = self._as_trained(sampling.temperature, sampling.top_p, streamed).clone()
        else:
            params = self._check(options, sampling.temperature, sampling.top_p, streamed)
        params.max_tokens, params.seed = max_tokens, sampling.seed
        return params

    def _check(self, options: TurnOptions, temperature: float, top_p: float, streamed: bool) -> Any:
        """Greedy sampling has no log-probabilities unless they are asked for: no training needs them."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        rules, asked = self._rules, options.top_logprobs
        keep_logprobs = asked is None and rules.logprobs and temperature > 0
        return SamplingParams(
            temperature=temperature,
            top_p=top_p,
            extra_args=turn_arguments(rules.stop, streamed=streamed),  # read by our scheduler
            detokenize=False,
            logprobs=0 if keep_logprobs else asked,  # 0: of the sampled token alone
            flat_logprobs=keep_logprobs,
            frequency_penalty=options.frequency_penalty,
            presence_penalty=options.presence_penalty,
            logit_bias=dict(options.logit_bias) or None,
            structured_outputs=None if options.json_schema is None else _json_rule(options.json_schema),
            repetition_detection=repetition_rule() if rules.end_on_repetition else None,
            output_kind=RequestOutputKind.CUMULATIVE if streamed else RequestOutputKind.FINAL_ONLY,
            skip_clone=True,  # vLLM changes nothing that copies share, but for ids that are the engine's own
        )


def _json_rule(schema: str) -> Any:
    """vLLM's parameters for JSON that fits a schema."""
    from vllm.sampling_params import StructuredOutputsParams

    return StructuredOutputsParams(json=schema)


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
    logprobs, tokens = _sampled_logprobs(completion), len(completion.token_ids)
    if len(logprobs) != tokens:
        raise RequestFailed(f"vLLM returned {len(logprobs)} log-probabilities for {tokens} tokens")
    if math.isnan(sum(logprobs)):
        raise RequestFailed("vLLM returned log-probabilities that are no numbers")
    return logprobs if max(logprobs, default=0.0) <= 0 else tuple(min(value, 0.0) for value in logprobs)


def _sampled_logprobs(completion: Any) -> tuple[float, ...]:
    """Those of the sampled tokens: vLLM has them flat, or with their alternatives as a dictionary for each place."""
    if hasattr(completion.logprobs, "logprobs"):
        return tuple(completion.logprobs.logprobs)
    return tuple(found.logprob for found in token_logprobs(completion, 0, 0))


def _end(completion: Any) -> End:
    """Why the turn ended. `stop_reason` is the stop text, an end token's id, or None for the tokenizer's own."""
    if completion.finish_reason == "length":
        return End.LIMIT
    if completion.finish_reason == "repetition":
        return End.REPETITION
    if completion.finish_reason != "stop":
        raise RequestFailed(f"vLLM ended the request with the reason {completion.finish_reason!r}")
    return End.STOP_TEXT if isinstance(completion.stop_reason, str) else End.END_TOKEN
