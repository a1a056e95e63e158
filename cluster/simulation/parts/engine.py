"""The simulated engine: sequences that are decoded together, each as fast as their number allows."""

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from cluster.simulation.case import DecodeSpeed
from cluster.simulation.parts.events import EventQueue
from cluster.simulation.parts.host import HostCores

_ROUNDING_TOKENS = 1e-6


class SimulatedEngine:
    """Decodes turns. Exact processor sharing: what each sequence has sampled is one number that all of them share.

    That number, `_sampled`, grows by one token a step; a turn of L tokens that begins at s ends at s + L. So an arrival
    or an end costs the logarithm of the sequences, not their number.
    """

    def __init__(self, events: EventQueue, speed: DecodeSpeed, host: HostCores, cores: float = 0.0) -> None:
        self._events, self._speed, self._host, self._cores = events, speed, host, cores
        self._running: list[tuple[float, int, Callable[..., None], object]] = []
        self._waiting: deque[tuple[int, float, Callable[..., None], object]] = deque()
        self._numbers = count()
        self._sampled = 0.0
        self._prefill_s = 0.0  # still to be computed
        self._counted_at = events.now
        self._wakes_at: float | None = None
        self._is_paused = self._is_busy = False
        self.occupied_s = 0.0
        """Seconds of places that were taken: 2 for two sequences in one second."""
        host.subscribe(self._count, self._plan)

    def submit(self, prompt_tokens: int, tokens: float, done: Callable[..., None], attempt: object) -> None:
        """Decode a turn after the new tokens of its prompt; call `done(attempt)` at its end."""
        if len(self._running) >= self._speed.places:
            self._waiting.append((prompt_tokens, tokens, done, attempt))
            return
        self._count()
        self._begin(prompt_tokens, tokens, done, attempt)
        self._plan()

    def pause(self) -> None:
        """Stop sampling; sequences keep what they have."""
        self._count()
        self._is_paused = True
        self._plan()

    def resume(self) -> None:
        """Go on after a pause."""
        self._count()
        self._is_paused = False
        self._plan()

    def fail(self) -> None:
        """Lose everything, for good."""
        self._count()
        self._running.clear()
        self._waiting.clear()
        self._plan()

    def occupied_until_now(self) -> float:
        """`occupied_s`, brought up to this moment."""
        self._count()
        return self.occupied_s

    def _begin(self, prompt_tokens: int, tokens: float, done: Callable[..., None], attempt: object) -> None:
        self._prefill_s += prompt_tokens * self._speed.prefill_s_per_token
        heappush(self._running, (self._sampled + tokens, next(self._numbers), done, attempt))

    def _count(self) -> None:
        """Bring what was sampled up to this moment."""
        elapsed_s = self._events.now - self._counted_at
        self._counted_at = self._events.now
        running = len(self._running)
        if not elapsed_s or not running:
            return
        self.occupied_s += elapsed_s * running
        if self._is_paused:
            return
        worked_s = elapsed_s * self._host.speed
        if self._prefill_s:
            prefilled_s = min(self._prefill_s, worked_s)
            self._prefill_s -= prefilled_s
            worked_s -= prefilled_s
        self._sampled += worked_s / self._speed.step_s[running]

    def _plan(self) -> None:
        """Wake up when the next turn ends. A wake-up that comes too early, as sequences were added, plans again."""
        self._tell_host()
        if self._is_paused or not self._running:
            return
        left_s = self._prefill_s + (self._running[0][0] - self._sampled) * self._speed.step_s[len(self._running)]
        ends_at = self._events.now + left_s / self._host.speed
        if self._wakes_at is None or ends_at < self._wakes_at:
            self._wakes_at = ends_at
            self._events.at(ends_at, self._wake, ends_at)

    def _tell_host(self) -> None:
        is_busy = bool(self._running) and not self._is_paused
        if is_busy != self._is_busy:
            self._is_busy = is_busy
            self._host.use(self._cores if is_busy else -self._cores)

    def _wake(self, planned_at: float) -> None:
        if planned_at != self._wakes_at:
            return  # an earlier one was planned since
        self._wakes_at = None
        if self._is_paused:
            return
        self._count()
        ended = []
        while self._running and self._running[0][0] <= self._sampled + _ROUNDING_TOKENS:
            _, _, done, attempt = heappop(self._running)
            ended.append((done, attempt))
        while self._waiting and len(self._running) < self._speed.places:
            self._begin(*self._waiting.popleft())
        self._plan()
        for done, attempt in ended:
            done(attempt)
