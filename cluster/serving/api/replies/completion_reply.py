"""Replies to completions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from typing import Any

from actors.engine import TokenLogprobs, mean_logprob
from cluster.serving.api.replies.head import Head, options_of, samplings_of, usage, written_by
from cluster.serving.api.replies.token_texts import completion_logprobs
from cluster.serving.api.requests.completions import DEFAULT_TOKENS, CompletionRequest
from cluster.serving.policies.loaded import LoadedPolicy
from cluster.serving.solving.continuation import Continuation, continue_all, prompt_ids
from cluster.serving.solving.text_request import Piece, TextRequest
from store.records import Sampling


@dataclass(frozen=True)
class CompletionReply:
    """Continuations of prompts."""

    request: CompletionRequest
    policy: LoadedPolicy
    head: Head
    prompts: list[tuple[int, ...]]
    texts: list[TextRequest]

    @classmethod
    def to(cls, request: CompletionRequest, policy: LoadedPolicy, model: str, caller: str) -> "CompletionReply":
        """The reply to a request.

        Raises:
            ApiError: the request cannot be met.
        """
        solver, count = policy.solver, request.count
        prompts = [ids for prompt in request.prompt for ids in [prompt_ids(prompt, solver)] * count]
        top = request.logprobs if request.logprobs is not None else 0 if count > request.n else None
        options = options_of(request, solver.codec.vocabulary_size, top)
        text = TextRequest(Sampling(1.0), options, tuple(request.stop), in_pieces=request.stream, caller=caller)
        samplings = samplings_of(request, text.sampling, len(prompts), on_gpu=policy.on_gpu)
        texts = [replace(text, sampling=sampling) for sampling in samplings]
        return cls(request, policy, Head(model, "cmpl", "text_completion"), prompts, texts)

    async def make(self, on_event: Callable[[int, Piece | Continuation], None]) -> list[Continuation]:
        """Continue the prompts."""
        limit = self.request.max_tokens or DEFAULT_TOKENS
        return await continue_all(self.policy.solver, self.prompts, self.texts, limit, on_event)

    def body(self, results: list[Continuation]) -> dict[str, Any]:
        """The whole reply."""
        choices = [
            self._choice(index, result.text, result, self._logprobs(result.logprobs))
            for index, result in enumerate(self._sent(results))
        ]
        return {**self.head.fields(), "choices": choices, "usage": self._usage(results)}

    def opening(self) -> Iterable[dict[str, Any]]:
        """Nothing."""
        return ()

    def piece(self, index: int, piece: Piece) -> dict[str, Any]:
        """The chunk for a piece of text."""
        choice = self._choice(index, piece.text, None, self._logprobs(piece.logprobs))
        return {**self.head.fields(), "choices": [choice]}

    def end(self, index: int, result: Continuation) -> dict[str, Any]:
        """The chunk for the end of a continuation."""
        return {**self.head.fields(), "choices": [self._choice(index, "", result, None)]}

    def last(self, results: list[Continuation]) -> dict[str, Any] | None:
        """The count of tokens, if it was asked for."""
        if not self.request.streams_usage:
            return None
        return {**self.head.fields(), "choices": [], "usage": self._usage(results)}

    def _sent(self, results: list[Continuation]) -> Iterable[Continuation]:
        """The `n` most probable continuations of each prompt."""
        if self.request.count == self.request.n:
            return results
        groups = batched(results, self.request.count)
        return (result for group in groups for result in _most_probable(group, self.request.n))

    def _choice(self, index: int, text: str, end: Continuation | None, logprobs: Any) -> dict[str, Any]:
        choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": None}
        if end is None:
            return choice
        return choice | {"finish_reason": end.end, "automathes": written_by(end.policy_versions)}

    def _logprobs(self, tokens: Sequence[TokenLogprobs]) -> dict[str, Any] | None:
        if self.request.logprobs is None:
            return None
        return completion_logprobs(tokens, self.policy.solver.codec)

    def _usage(self, results: list[Continuation]) -> dict[str, int]:
        prompts = sum(len(prompt) for prompt in self.prompts[:: self.request.count])
        return usage(prompts, sum(result.tokens for result in results))


def _most_probable(results: Sequence[Continuation], count: int) -> list[Continuation]:
    return sorted(results, key=lambda result: -mean_logprob(result.logprobs))[:count]
