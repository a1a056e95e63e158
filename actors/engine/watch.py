"""The watch over an engine's tokens: how many there are, how fast they come, and what has fallen silent."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

POLL_S = 1.0

_SPEED_WINDOW_S = 10.0
_SPEED_WINDOWS = 60


@dataclass(slots=True)
class RequestProgress:
    """How far a request is: its tokens, and when the last of them came, None before the first.

    Times are on the clock of the watch.
    """

    tokens: int = 0
    token_at_s: float | None = None


class TokenWatch:
    """Counts the tokens of all requests, from their counts as polled.

    Its clock, in seconds, stands still while the engine is paused, and while this process did not run or its event loop
    was blocked: then no tokens could come, and their absence shows nothing about the engine.
    """

    def __init__(self, silence_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._silence_s = silence_s
        self._clock = clock
        self._polled_s = clock()
        self._requests: dict[str, RequestProgress] = {}
        self._speed = _Speed()
        self._is_paused = False
        self._is_busy = False
        self.now_s = 0.0
        self.heard_at_s = 0.0
        self.tokens = 0

    def begin(self, request: str, progress: RequestProgress | None = None) -> None:
        """A request is made; `progress` is kept up to date."""
        self._requests[request] = progress or RequestProgress()

    def end(self, request: str, tokens: int | None) -> None:
        """A request has ended with so many tokens, None if that is unknown."""
        if tokens is not None:
            self._count(request, tokens)
        self._requests.pop(request, None)

    def pause(self) -> None:
        """The engine pauses."""
        self.poll({})
        self._is_paused = True

    def resume(self) -> None:
        """The engine goes on."""
        self.poll({})
        self._is_paused = False
        self.heard_at_s = self.now_s

    def poll(self, tokens_by_request: Mapping[str, int]) -> None:
        """Take in the numbers of tokens that unfinished requests have by now."""
        elapsed_s, before = self._advance(), self.tokens
        for request, tokens in tokens_by_request.items():
            self._count(request, tokens)
        if not self._is_busy:
            self.heard_at_s = self.now_s
        self._is_busy = bool(self._requests)
        self._speed.add(elapsed_s, self.tokens - before, len(self._requests))

    def silent_s(self) -> float:
        """How long the engine has had requests and sampled no token for any of them."""
        return self.now_s - self.heard_at_s if self._requests else 0.0

    def silent_requests(self) -> list[str]:
        """The requests that had tokens and have had none for `silence_s`, while others got theirs."""
        if self.silent_s() >= self._silence_s:
            return []
        return [
            request
            for request, progress in self._requests.items()
            if progress.token_at_s is not None and self.now_s - progress.token_at_s >= self._silence_s
        ]

    @property
    def slowest_tokens_per_s(self) -> float | None:
        """The lowest speed of a request in the last minutes, on average over those that ran together.

        Requests that wait inside the engine count as running. None while there is no measurement.
        """
        return self._speed.slowest

    def _advance(self) -> float:
        now = self._clock()
        elapsed_s, self._polled_s = min(now - self._polled_s, 2 * POLL_S), now
        if self._is_paused:
            return 0.0
        self.now_s += elapsed_s
        return elapsed_s

    def _count(self, request: str, tokens: int) -> None:
        progress = self._requests.get(request)
        if progress is None or tokens <= progress.tokens:
            return
        self.tokens += tokens - progress.tokens
        progress.tokens = tokens
        progress.token_at_s = self.heard_at_s = self.now_s


class _Speed:
    """Tokens per second of an average request, by window; the slowest of the last windows counts."""

    def __init__(self) -> None:
        self._windows: deque[float] = deque(maxlen=_SPEED_WINDOWS)
        self._elapsed_s = self._request_s = 0.0
        self._tokens = 0

    @property
    def slowest(self) -> float | None:
        return min(self._windows, default=None)

    def add(self, elapsed_s: float, tokens: int, requests: int) -> None:
        self._elapsed_s += elapsed_s
        self._request_s += elapsed_s * requests
        self._tokens += tokens
        if self._elapsed_s < _SPEED_WINDOW_S:
            return
        if self._tokens and self._request_s:
            self._windows.append(self._tokens / self._request_s)
        self._elapsed_s = self._request_s = 0.0
        self._tokens = 0
