"""The rollout: a plain state machine over token ids. It asks for tokens or for an execution and is told the result.

It neither samples nor runs code nor waits, so that it can be tested, and replayed, without an engine or a sandbox.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from actors.codec import Codec
from actors.settings import RolloutLimits
from store.records import ExecutionRecord, PolicySpan, Segment, SegmentKind


@dataclass(frozen=True, slots=True)
class Generate:
    """Asks for the policy's next turn: at most `max_tokens` behind `context_ids`."""

    context_ids: tuple[int, ...]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Execute:
    """Asks for a code block to be run in the rollout's session."""

    source: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The rollout is over. `truncated` tells that a limit ended it before the policy did."""

    answer: str | None
    truncated: bool


class End(StrEnum):
    """What ended a turn of the policy: the stop text behind a code block, an end token, or a limit of ours."""

    STOP_TEXT = "stop_text"
    END_TOKEN = "end_token"  # noqa: S105 - no password
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Generation:
    """What an engine sampled: ids, the policy version of each span (token offsets in `token_ids`), and its end."""

    token_ids: tuple[int, ...]
    spans: tuple[PolicySpan, ...]
    end: End


Step = Generate | Execute | Finished


class RolloutState:
    """One attempt at a problem, from the prompt to the answer.

    `step` is what it needs next; `add_generation` and `add_execution` move it on. Every token behind the prompt is in
    `token_ids`, with one flag each in `model_mask`: did the policy write it?
    """

    def __init__(self, codec: Codec, question: str, limits: RolloutLimits, context_limit_tokens: int) -> None:
        self._codec = codec
        self._limits = limits
        self.prompt_ids = codec.prompt(question)
        self._budget_tokens = min(limits.max_tokens, context_limit_tokens - len(self.prompt_ids))
        self.token_ids: list[int] = []
        self.model_mask: list[bool] = []
        self.spans: list[PolicySpan] = []
        self.segments: list[Segment] = []
        self.executions: list[ExecutionRecord] = []
        self.step: Step = self._next_turn()

    def add_generation(self, generation: Generation) -> None:
        """Takes the policy's turn that was asked for."""
        assert isinstance(self.step, Generate)
        offset = len(self.token_ids)
        self.token_ids.extend(generation.token_ids)
        self.model_mask.extend([True] * len(generation.token_ids))
        self.spans.extend(PolicySpan(s.version, offset + s.start, offset + s.end) for s in generation.spans)
        turn = self._codec.decode(generation.token_ids)
        self.segments.extend(self._codec.format.split_turn(turn))
        self.step = self._after_turn(turn, generation)

    def add_execution(self, record: ExecutionRecord, shown: str) -> None:
        """Takes the execution that was asked for; `shown` is what the policy reads of it."""
        assert isinstance(self.step, Execute)
        self.executions.append(record)
        output_ids = self._codec.output(shown)
        if len(self.token_ids) + len(output_ids) >= self._budget_tokens:
            self.step = Finished(answer=None, truncated=True)
            return
        self.segments.append(Segment(SegmentKind.OUTPUT, shown))
        self.token_ids.extend(output_ids)
        self.model_mask.extend([False] * len(output_ids))
        self.step = self._next_turn()

    def _after_turn(self, turn: str, generation: Generation) -> Step:
        if generation.end is End.LIMIT:
            return Finished(answer=None, truncated=True)
        if generation.end is End.END_TOKEN:
            return Finished(answer=self._codec.format.find_answer(turn), truncated=False)
        code = self._codec.format.code_to_run(turn)
        if code is None:  # it closed a fence of another kind, and may go on
            return self._next_turn()
        if len(self.executions) >= self._limits.max_blocks:
            return Finished(answer=None, truncated=True)
        return Execute(code)

    def _next_turn(self) -> Step:
        left = self._budget_tokens - len(self.token_ids)
        if left <= 0:
            return Finished(answer=None, truncated=True)
        return Generate((*self.prompt_ids, *self.token_ids), left)


def last_version(spans: Sequence[PolicySpan]) -> int | None:
    """The policy version that wrote the end of a rollout, None if the policy wrote nothing."""
    return spans[-1].version if spans else None
