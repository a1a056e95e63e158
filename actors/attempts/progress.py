"""How far the attempts under way are, and whether they get on."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from typing import Protocol

from actors.engine import RequestProgress
from actors.settings import SamplerSettings
from sandbox.settings import AnswerCheckerSettings, SandboxSettings

_JAIL_STARTS = 2  # a block that a failure of its jail ended is run once more, in another jail


class EngineClock(Protocol):
    """What an engine says of its tokens."""

    @property
    def clock_s(self) -> float:
        """Seconds for which the engine could sample."""
        ...

    @property
    def token_at_s(self) -> float:
        """When the last token of any request came, on the engine's clock."""
        ...

    @property
    def slowest_tokens_per_s(self) -> float | None:
        """The lowest speed of an average request in the last minutes."""
        ...


class Part(Enum):
    """The part of the system that an attempt waits for."""

    ENGINE = auto()
    SESSION = auto()  # a slot for a session in the sandbox
    SANDBOX = auto()
    CHECKER = auto()
    PAUSE = auto()  # before a retry


class AttemptProgress:
    """One attempt: which part it waits for, since when, and how long it has been in each part [s].

    `left` is the part that it was in before. `ended_at_s`: when any attempt last left each part; shared by the attempts
    of a sampler.
    """

    def __init__(self, ended_at_s: dict[Part, float] | None = None) -> None:
        self._ended_at_s = {} if ended_at_s is None else ended_at_s
        self.part = self.left = Part.PAUSE
        self.since_s = time.monotonic()
        self.request = RequestProgress()
        self.seconds = dict.fromkeys(Part, 0.0)

    @contextmanager
    def within(self, part: Part) -> Iterator[None]:
        """The attempt waits for `part` in this block."""
        self.part, self.since_s = part, time.monotonic()
        try:
            yield
        finally:
            now = time.monotonic()
            self.seconds[part] += now - self.since_s
            self._ended_at_s[part] = now
            self.left, self.part, self.since_s = part, Part.PAUSE, now

    def next_request(self) -> RequestProgress:
        """The progress of a new request to the engine."""
        self.request = RequestProgress()
        return self.request


class AttemptLimits:
    """How long the parts of an attempt may take, from the settings of all three parts and the engine's speed [s].

    Whatever waits in a fair queue may be behind all other attempts of its sampler.
    """

    def __init__(self, settings: SamplerSettings, sandbox: SandboxSettings, checker: AnswerCheckerSettings) -> None:
        attempts = settings.slots
        self._settings = settings
        self._session_turns = math.ceil(attempts / sandbox.max_concurrent_sessions)
        block_turns = 1 + math.ceil(attempts / sandbox.blocks_at_once)
        check_turns = 1 + math.ceil(attempts / checker.checks_at_once)
        self.block_s = sandbox.block_wall_s * block_turns + sandbox.start_s * _JAIL_STARTS
        self.check_s = checker.check_wall_s * check_turns + checker.start_s * _JAIL_STARTS

    def sampling_s(self, slowest_tokens_per_s: float | None) -> float | None:
        """The limit for sampling one rollout, its blocks included; None while the engine's speed is unknown."""
        if slowest_tokens_per_s is None:
            return None
        settings, limits = self._settings, self._settings.limits
        tokens_s = settings.deadline_factor * limits.max_tokens / slowest_tokens_per_s
        return self._session_turns * (settings.engine.silence_s + tokens_s + limits.max_blocks * self.block_s)


class Progresses:
    """The attempts under way, by rollout."""

    def __init__(self, engine: EngineClock, limits: AttemptLimits) -> None:
        self._engine = engine
        self._limits = limits
        self._attempts: dict[str, AttemptProgress] = {}
        self._ended_at_s: dict[Part, float] = {}

    @contextmanager
    def attempt(self, rollout: str) -> Iterator[AttemptProgress]:
        """An attempt is under way in this block."""
        progress = self._attempts[rollout] = AttemptProgress(self._ended_at_s)
        try:
            yield progress
        finally:
            del self._attempts[rollout]

    def is_progressing(self, rollout: str, within_s: float) -> bool:
        """Whether an attempt is under way and got on within the last seconds.

        It gets on with each token, block and check. While its request waits inside the engine, every token that the
        engine samples counts, and while it waits for a session, every block of another attempt. A block or a check
        counts until its limit, and so does the pause before a retry.
        """
        progress = self._attempts.get(rollout)
        if progress is None:
            return False
        now, since_s = time.monotonic(), progress.since_s
        match progress.part:
            case Part.ENGINE:
                token_at_s = progress.request.token_at_s
                heard_at_s = self._engine.token_at_s if token_at_s is None else token_at_s
                return self._engine.clock_s - heard_at_s <= within_s
            case Part.SESSION:
                return (
                    now - max(since_s, self._ended_at_s.get(Part.SANDBOX, since_s)) <= within_s + self._limits.block_s
                )
            case Part.SANDBOX:
                return now - since_s <= within_s + self._limits.block_s
            case Part.CHECKER:
                return now - since_s <= within_s + self._limits.check_s
            case Part.PAUSE:
                return True  # ends by itself
