"""Continuations of a text by the policy alone: no code is run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actors.engine import TokenLogprobs
from actors.rollouts.rollout import End, versions_of
from cluster.serving.errors import ApiError
from cluster.serving.solving.concurrently import make_all
from cluster.serving.solving.solver import Solver, engine_errors
from cluster.serving.solving.stopping import StopReached
from cluster.serving.solving.text_request import OnPiece, Piece, Pieces, TextRequest
from store.records import PolicySpan


@dataclass(frozen=True, slots=True)
class Continuation:
    """A text, the number of its tokens, and OpenAI's word for what ended it.

    `policy_versions` wrote it, in turn. Log-probabilities are there if they were asked for.
    """

    text: str
    tokens: int
    end: str
    policy_versions: tuple[int, ...]
    logprobs: tuple[TokenLogprobs, ...] = ()

    @property
    def sampled_tokens(self) -> int:
        """The tokens that the policy sampled: all of them."""
        return self.tokens


def prompt_ids(prompt: str | list[int], solver: Solver) -> tuple[int, ...]:
    """The ids of a prompt, which begins a sequence.

    Raises:
        ApiError: it is empty or fills the context, or has an id that the policy has no token for.
    """
    codec, limit = solver.codec, solver.context_limit_tokens
    ids = codec.sequence_start(prompt) if isinstance(prompt, str) else tuple(prompt)
    if not ids:
        raise ApiError(400, "prompt: must not be empty", "prompt", "invalid_value")
    if max(ids) >= codec.vocabulary_size:
        message = f"prompt: token {max(ids)} is not one of the policy's {codec.vocabulary_size}"
        raise ApiError(400, message, "prompt", "invalid_value")
    if len(ids) >= limit:
        message = f"prompt: it has {len(ids)} tokens; with its continuation it must fit into {limit}"
        raise ApiError(400, message, "prompt", "context_length_exceeded")
    return ids


async def continue_all(
    solver: Solver,
    prompts: Sequence[tuple[int, ...]],
    requests: Sequence[TextRequest],
    max_tokens: int,
    on_event: Callable[[int, Piece | Continuation], None],
) -> list[Continuation]:
    """Continue prompts concurrently. `on_event` is called with the index of each and a piece of its text, or its end.

    Raises:
        ApiError: one failed; the others are cancelled.
    """

    async def one(index: int, on_piece: OnPiece) -> Continuation:
        return await _continue(solver, prompts[index], requests[index], max_tokens, on_piece)

    return await make_all(len(prompts), one, on_event)


async def _continue(
    solver: Solver, prompt: tuple[int, ...], request: TextRequest, max_tokens: int, on_piece: OnPiece
) -> Continuation:
    pieces, ids = Pieces(on_piece), list(prompt)
    spans: list[PolicySpan] = []
    engine = solver.streaming(request, pieces.add)
    limit = min(len(prompt) + max_tokens, solver.context_limit_tokens)
    end = "length"
    async with solver.slots.slot(request.caller):
        with engine_errors(request):
            try:
                while len(ids) < limit:
                    made = await engine.generate(tuple(ids), limit - len(ids), request.sampling)
                    ids.extend(made.token_ids)
                    spans.extend(made.spans)
                    if made.end is not End.STOP_TEXT:  # the end of a code block, which ends nothing here
                        end = "stop" if made.end is End.END_TOKEN else "length"
                        break
            except StopReached:
                end = "stop"
    versions = versions_of([*spans, *engine.unfinished])
    return Continuation(pieces.text, len(ids) - len(prompt) + engine.tokens, end, versions, pieces.logprobs)
