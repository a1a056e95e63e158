"""Streaming of a rollout's text while its turns are sampled."""

from collections.abc import Callable, Sequence

from actors.engine import PolicyEngine, RequestProgress
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import Generation
from store.records import Sampling

_REPLACEMENT = "\ufffd"  # the decoded form of a character of which only the first bytes were sampled

OnText = Callable[[str], None]


class StreamingEngine:
    """The engine for one rollout; calls `on_text` with the text of every turn while it is sampled."""

    def __init__(self, engine: PolicyEngine, codec: Codec, on_text: OnText) -> None:
        self._engine = engine
        self._codec = codec
        self._on_text = on_text

    async def generate(
        self,
        context_ids: tuple[int, ...],
        max_tokens: int,
        sampling: Sampling,
        *,
        progress: RequestProgress | None = None,
    ) -> Generation:
        """Sample one turn and stream its text."""
        decoder = IncrementalDecoder(self._codec)

        def on_tokens(ids: Sequence[int]) -> None:
            self._on_text(decoder.decode(ids))

        generation = await self._engine.generate(context_ids, max_tokens, sampling, on_tokens, progress=progress)
        self._on_text(decoder.flush())
        return generation


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
