"""Log-probabilities in OpenAI's two forms."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from actors.engine import TokenLogprobs
from actors.rollouts.codec import Codec


def chat_logprobs(tokens: Sequence[TokenLogprobs], codec: Codec) -> dict[str, Any]:
    """Those of a message: a list with an object for each token."""
    return {"content": [_with_top(token, codec) for token in tokens], "refusal": None}


def _with_top(token: TokenLogprobs, codec: Codec) -> dict[str, Any]:
    top = [_token(token_id, logprob, codec) for token_id, logprob in token.top]
    return {**_token(token.token_id, token.logprob, codec), "top_logprobs": top}


def _token(token_id: int, logprob: float, codec: Codec) -> dict[str, Any]:
    text = codec.token_text(token_id)
    return {"token": text, "logprob": _finite(logprob), "bytes": list(text.encode())}


def completion_logprobs(tokens: Sequence[TokenLogprobs], codec: Codec) -> dict[str, Any]:
    """Those of a completion: four lists with an entry for each token. Offsets count from the first."""
    texts = [codec.token_text(token.token_id) for token in tokens]
    offsets = [0, *accumulate(map(len, texts))][: len(texts)]
    return {
        "tokens": texts,
        "token_logprobs": [_finite(token.logprob) for token in tokens],
        "top_logprobs": [
            {codec.token_text(token_id): _finite(logprob) for token_id, logprob in token.top} for token in tokens
        ],
        "text_offset": offsets,
    }


def _finite(logprob: float) -> float:
    """JSON has no infinity: OpenAI's number for what cannot be."""
    return max(logprob, -9999.0)
