"""One turn of the policy: vLLM's parameters for it, and what vLLM returned."""

from typing import Any

from actors.engine.errors import RequestFailed
from actors.rollout import End, Generation
from store.records import PolicySpan, Sampling


def turn_params(sampling: Sampling, max_tokens: int, stop: str, *, streamed: bool) -> Any:
    """vLLM's parameters for a turn that ends with the stop text (kept in the tokens), an end token, or a limit."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed,
        max_tokens=max_tokens,
        stop=[stop],
        include_stop_str_in_output=True,
        output_kind=RequestOutputKind.CUMULATIVE if streamed else RequestOutputKind.FINAL_ONLY,
    )


def to_generation(completion: Any) -> Generation:
    """The turn in a finished completion of vLLM.

    Raises:
        RequestFailed: neither the policy nor a limit ended it. vLLM's other reasons are "abort" and "error".
    """
    end = _end(completion)
    spans = tuple(PolicySpan(int(span.version), span.start, span.end) for span in completion.weight_versions or ())
    return Generation(tuple(completion.token_ids), spans, end)


def _end(completion: Any) -> End:
    """Why the turn ended. `stop_reason` is the stop text, an end token's id, or None for the tokenizer's own."""
    if completion.finish_reason == "length":
        return End.LIMIT
    if completion.finish_reason != "stop":
        raise RequestFailed(f"vLLM ended the request with the reason {completion.finish_reason!r}")
    return End.STOP_TEXT if isinstance(completion.stop_reason, str) else End.END_TOKEN
