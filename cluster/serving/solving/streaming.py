"""Streaming of a rollout's text while its turns are sampled."""

from collections.abc import Sequence

from actors.engine import PolicyEngine, RequestProgress, TokenLogprobs
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import Generation
from cluster.serving.solving.stopping import StopReached, StopTexts
from cluster.serving.solving.text_request import OnPiece, Piece, TextRequest
from store.records import PolicySpan, Sampling

_REPLACEMENT = "\ufffd"  # the decoded form of a character of which only the first bytes were sampled


class StreamingEngine:
    """The engine for one text; calls `on_piece` with the text of every turn while it is sampled.

    `tokens` counts those of the turn that is being sampled.
    """

    def __init__(self, engine: PolicyEngine, codec: Codec, request: TextRequest, on_piece: OnPiece) -> None:
        self._engine = engine
        self._codec = codec
        self._request = request
        self._on_piece = on_piece
        self.tokens = 0

    @property
    def unfinished(self) -> list[PolicySpan]:
        """The turn that a stop text ended, which vLLM returned no spans of: of the version that is loaded."""
        return [PolicySpan(self._engine.version, 0, self.tokens)] if self.tokens else []

    async def generate(
        self,
        context_ids: tuple[int, ...],
        max_tokens: int,
        sampling: Sampling,
        *,
        progress: RequestProgress | None = None,
    ) -> Generation:
        """Sample one turn and stream its text.

        Raises:
            StopReached: it has a stop text. The request was aborted.
        """
        request = self._request
        turn = _Turn(self._codec, request.stops, self._on_piece)
        self.tokens = 0

        def on_tokens(ids: Sequence[int], logprobs: Sequence[TokenLogprobs]) -> None:
            # One by one, where the text may end in the middle: what was sampled beyond its end is not part of it.
            size = 1 if request.stops else len(ids)
            for start in range(0, len(ids), size):
                self.tokens += len(ids[start : start + size])
                turn.add(ids[start : start + size], logprobs[start : start + size])

        generation = await self._engine.generate(
            context_ids,
            max_tokens,
            sampling,
            on_tokens,
            in_pieces=request.in_pieces or bool(request.stops),
            options=request.options,
            progress=progress,
        )
        turn.end()
        self.tokens = 0
        return generation


class _Turn:
    """Passes one turn on in pieces of whole characters, up to a stop text.

    Log-probabilities wait for the text of their tokens, which may be held back with later ones.
    """

    def __init__(self, codec: Codec, stops: Sequence[str], on_piece: OnPiece) -> None:
        self._decoder = IncrementalDecoder(codec)
        self._stops = StopTexts(stops)
        self._on_piece = on_piece
        self._waiting: list[TokenLogprobs] = []

    def add(self, ids: Sequence[int], logprobs: Sequence[TokenLogprobs]) -> None:
        """Pass on what these tokens complete."""
        self._waiting += logprobs
        self._pass_on(self._decoder.decode(ids))

    def end(self) -> None:
        """Pass on what was held back."""
        self._pass_on(self._decoder.flush())
        self._emit(self._stops.flush())
        self._on_piece(Piece("", self._take_waiting()))  # of an end token, which has no text

    def _pass_on(self, piece: str) -> None:
        text, stopped = self._stops.feed(piece)
        self._emit(text)
        if stopped:
            raise StopReached

    def _emit(self, text: str) -> None:
        if text:
            self._on_piece(Piece(text, self._take_waiting()))

    def _take_waiting(self) -> tuple[TokenLogprobs, ...]:
        waiting, self._waiting = tuple(self._waiting), []
        return waiting


class IncrementalDecoder:
    """Decodes a turn while its tokens arrive, and returns whole characters only.

    New tokens are decoded together with the few before them: in some vocabularies a token's text depends on those.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._ids: list[int] = []
        self._context_start = 0  # the tokens from here on are decoded again
        self._num_decoded = 0  # tokens whose text was returned

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text that these tokens complete; "" while the last character is incomplete."""
        self._ids.extend(token_ids)
        text = self._pending_text()
        return "" if text.endswith(_REPLACEMENT) else self._advance(text)

    def flush(self) -> str:
        """The text that was held back, at the end of the turn."""
        return self._advance(self._pending_text())

    def _pending_text(self) -> str:
        returned = self._codec.decode(self._ids[self._context_start : self._num_decoded])
        return self._codec.decode(self._ids[self._context_start :])[len(returned) :]

    def _advance(self, text: str) -> str:
        if self._num_decoded < len(self._ids):
            self._context_start, self._num_decoded = self._num_decoded, len(self._ids)
        return text
