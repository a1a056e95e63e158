"""The rollout as a state machine over token ids: it requests tokens or an execution, and is given the result.

It does not sample, run code or wait, so it can be tested and replayed without an engine or a sandbox.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from actors.rollouts.codec import Codec
from actors.rollouts.conversation import Conversation
from actors.rollouts.parsing import parses
from actors.settings import RolloutLimits
from sandbox.execution import Status
from store.records import ExecutionRecord, PolicySpan, Segment, SegmentKind


@dataclass(frozen=True, slots=True)
class Generate:
    """Requests the policy's next turn: at most `max_tokens` after `context_ids`."""

    context_ids: tuple[int, ...]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Execute:
    """Requests the execution of a code block in the rollout's session."""

    source: str


class Cut(StrEnum):
    """Why a rollout was ended before the policy ended it."""

    TRUNCATED = "truncated"  # by a limit
    REPETITIVE = "repetitive"  # it repeated itself
    UNPARSABLE = "unparsable"  # two blocks of code in a row do not parse


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of the rollout. `cut` is set if the policy did not end it."""

    answer: str | None
    cut: Cut | None = None


class End(StrEnum):
    """What ended a turn of the policy: the stop text after a code block, an end token, the token limit, repetition."""

    STOP_TEXT = "stop_text"
    END_TOKEN = "end_token"  # noqa: S105 - not a password
    LIMIT = "limit"
    REPETITION = "repetition"


@dataclass(frozen=True, slots=True)
class Generation:
    """A sampled turn: its ids, the policy version of each span (offsets into `token_ids`), and what ended it.

    `logprobs` has the log-probability of each token as it was sampled [nats], None if the engine did not keep them.
    """

    token_ids: tuple[int, ...]
    spans: tuple[PolicySpan, ...]
    end: End
    logprobs: tuple[float, ...] | None = None


Step = Generate | Execute | Finished


class RolloutState:
    """One attempt at a problem, from the prompt to the answer.

    `step` is what is needed next; `add_generation` and `add_execution` advance it. `token_ids` holds every token after
    the prompt, and `model_mask` one flag for each: whether the policy sampled it. `logprobs` has a number for each, NaN
    where the policy did not sample it; None if a turn came without them.
    """

    def __init__(
        self, codec: Codec, question: str | Conversation, limits: RolloutLimits, context_limit_tokens: int
    ) -> None:
        self._codec = codec
        self._limits = limits
        self.prompt_ids = codec.prompt(question)
        self._budget_tokens = min(limits.max_tokens, context_limit_tokens - len(self.prompt_ids))
        self.token_ids: list[int] = []
        self.model_mask: list[bool] = []
        self.logprobs: list[float] | None = []
        self.spans: list[PolicySpan] = []
        self.segments: list[Segment] = []
        self.executions: list[ExecutionRecord] = []
        self._last_block_parsed = True
        self.step: Step = self._next_turn()

    def add_generation(self, generation: Generation) -> None:
        """Append the requested turn of the policy."""
        assert isinstance(self.step, Generate)
        offset = len(self.token_ids)
        self.token_ids.extend(generation.token_ids)
        self.model_mask.extend([True] * len(generation.token_ids))
        self._extend_logprobs(generation.logprobs)
        self.spans.extend(PolicySpan(s.version, offset + s.start, offset + s.end) for s in generation.spans)
        turn = self._codec.decode(generation.token_ids)
        self.segments.extend(self._codec.format.split_turn(turn))
        self.step = self._after_turn(turn, generation)

    def add_execution(self, record: ExecutionRecord, shown: str) -> None:
        """Append the requested execution; `shown` is the output that the policy sees."""
        assert isinstance(self.step, Execute)
        self.executions.append(record)
        self._last_block_parsed = record.status != Status.ERROR or parses(record.source)
        output_ids = self._codec.output(shown)
        if len(self.token_ids) + len(output_ids) >= self._budget_tokens:
            self.step = Finished(None, Cut.TRUNCATED)
            return
        self.segments.append(Segment(SegmentKind.OUTPUT, shown))
        self.token_ids.extend(output_ids)
        self.model_mask.extend([False] * len(output_ids))
        self._extend_logprobs([math.nan] * len(output_ids))
        self.step = self._next_turn()

    def _extend_logprobs(self, logprobs: Sequence[float] | None) -> None:
        if self.logprobs is None or logprobs is None:
            self.logprobs = None
        else:
            self.logprobs.extend(logprobs)

    def _after_turn(self, turn: str, generation: Generation) -> Step:
        if generation.end is End.LIMIT:
            return Finished(None, Cut.TRUNCATED)
        if generation.end is End.REPETITION:
            return Finished(None, Cut.REPETITIVE)
        if generation.end is End.END_TOKEN:
            return Finished(self._codec.format.find_answer(turn))
        code = self._codec.format.code_to_run(turn)
        if code is None:  # the fence was not of a Python block: the policy continues
            return self._next_turn()
        if len(self.executions) >= self._limits.max_blocks:
            return Finished(None, Cut.TRUNCATED)
        if self._limits.end_on_unparsable and not self._last_block_parsed and not parses(code):
            return Finished(None, Cut.UNPARSABLE)
        return Execute(code)

    def _next_turn(self) -> Step:
        remaining = self._budget_tokens - len(self.token_ids)
        if remaining <= 0:
            return Finished(None, Cut.TRUNCATED)
        return Generate((*self.prompt_ids, *self.token_ids), remaining)


def versions_of(spans: Sequence[PolicySpan]) -> tuple[int, ...]:
    """The policy versions that sampled a rollout, in turn."""
    return tuple(version for version, _ in groupby(span.version for span in spans))


def last_version(versions: Sequence[int]) -> int | None:
    """The policy version that sampled the end of a rollout, None if the policy sampled nothing."""
    return versions[-1] if versions else None
