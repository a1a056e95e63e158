"""A simulated sampler: leases attempts, keeps its slots busy, follows the published policies, and may fail."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from actors.sampling.pace import LONGEST_IDLE_S, Pace
from cluster.simulation.case import Samplers, Shape
from cluster.simulation.parts.board import Board, Leased
from cluster.simulation.parts.engine import SimulatedEngine
from cluster.simulation.parts.events import EventQueue
from cluster.simulation.parts.host import HostCores
from cluster.simulation.parts.sandbox import SimulatedSandbox
from store.records import Purpose


@dataclass(slots=True, eq=False)
class _Attempt:
    """An attempt and how far it has come. `life` is the sampler's when it was leased."""

    leased: Leased
    shape: Shape
    life: int
    turn: int = 0


class SimulatedSampler:
    """What `actors.sampling.worker` and `following` do, with the worker's own `Pace`.

    Failures are drawn from the sampler's own random numbers, so that they move nothing else.
    """

    def __init__(
        self,
        number: int,
        settings: Samplers,
        events: EventQueue,
        board: Board,
        host: HostCores,
        rng: Random,
        on_written: Callable[[Shape, Purpose], None],
        on_completed: Callable[[], None],
    ) -> None:
        self._number, self._settings, self._events, self._board = number, settings, events, board
        self._host, self._rng = host, rng
        self._on_written, self._on_completed = on_written, on_completed
        self._life = 0
        self._occupied_s = 0.0
        self.failures = 0
        """How often it failed."""
        self._is_idle = False  # its last lease found nothing, so that it is to be woken when there is work
        self._begin_life()

    def _begin_life(self) -> None:
        settings = self._settings
        self._engine = SimulatedEngine(self._events, settings.speed, self._host, settings.cores)
        self._sandbox = SimulatedSandbox(self._events, settings.sandbox_cores)
        self._pace = Pace(settings.slots, settings.lookahead_s, lambda: self._events.now)
        self._held: dict[_Attempt, None] = {}  # in the order of leasing, unlike a set, so that a run can be repeated
        self._queued: deque[_Attempt] = deque()
        self._finished: list[_Attempt] = []
        self._free_slots = settings.slots
        self._evaluations = 0
        self._target: int | None = None
        self._settles = self._is_swapping = self._is_alive = False

    def start(self, delay_s: float) -> None:
        """Start, and lease for the first time after a delay."""
        self._events.after(delay_s, self._join)

    def _join(self) -> None:
        self._is_alive, self._version = True, self._board.latest
        self._board.num_active += 1
        if self._settings.mean_s_to_failure is not None:
            lasts_s = self._rng.expovariate(1 / self._settings.mean_s_to_failure)
            self._events.after(lasts_s, self._fail, self._life)
        self._lease()

    @property
    def occupied_s(self) -> float:
        """Seconds of engine places that were taken, over all its lives."""
        return self._occupied_s + self._engine.occupied_until_now()

    # ---------------------------------------------------------------- leases

    def wake(self) -> None:
        """Look for work at the next poll."""
        if self._is_alive and self._is_idle:
            self._is_idle = False
            poll_s = self._settings.idle_poll_s if self._held else LONGEST_IDLE_S
            self._events.after(self._rng.random() * poll_s, self._lease_again, self._life)

    def _lease_again(self, life: int) -> None:
        if life == self._life:
            self._lease()

    def _lease(self) -> None:
        if not self._is_alive or self._is_swapping:
            return
        settings, board = self._settings, self._board
        room = self._pace.room(len(self._held))
        to_hold = board.to_hold(self._number, self._version, self._events.now, settings.swap_wait_s)
        leased = board.lease(self._number, room, self._version, to_hold) if room else []
        self._is_idle = bool(room) and not leased
        for one in leased:
            attempt = _Attempt(one, one.work.shapes[one.rollout], self._life)
            self._held[attempt] = None
            self._queued.append(attempt)
            self._evaluations += one.work.purpose is Purpose.EVAL
        self._fill_slots()
        self._follow(to_hold)

    def _fill_slots(self) -> None:
        while self._free_slots and self._queued:
            attempt = self._queued.popleft()
            self._free_slots -= 1
            self._engine.submit(attempt.shape.prompt_tokens, attempt.shape.turns[0], self._end_turn, attempt)

    # ---------------------------------------------------------------- attempts

    def _end_turn(self, attempt: _Attempt) -> None:
        if attempt.life != self._life:
            return
        if attempt.turn < len(attempt.shape.block_s):
            self._sandbox.submit(attempt.shape.block_s[attempt.turn], self._end_block, attempt)
        elif attempt.shape.check_s:
            self._events.after(attempt.shape.check_s, self._end_attempt, attempt)
        else:
            self._end_attempt(attempt)

    def _end_block(self, attempt: _Attempt) -> None:
        if attempt.life != self._life:
            return
        shape, turn = attempt.shape, attempt.turn
        attempt.turn += 1
        if attempt.turn < len(shape.turns):
            self._engine.submit(shape.output_tokens[turn], shape.turns[attempt.turn], self._end_turn, attempt)
        else:
            self._end_attempt(attempt)

    def _end_attempt(self, attempt: _Attempt) -> None:
        if attempt.life != self._life:
            return
        self._pace.count()
        self._free_slots += 1
        if not self._finished:
            self._events.after(self._settings.write_interval_s, self._write, self._life)
        self._finished.append(attempt)
        self._fill_slots()

    def _write(self, life: int) -> None:
        if life != self._life:
            return
        finished, self._finished = self._finished, []
        for attempt in finished:
            purpose = attempt.leased.work.purpose
            del self._held[attempt]
            self._evaluations -= purpose is Purpose.EVAL
            self._on_written(attempt.shape, purpose)
            if self._board.complete(self._number, attempt.leased):
                self._on_completed()
        self._swap_if_settled()
        self._lease()

    # ---------------------------------------------------------------- policies

    def _follow(self, version: int) -> None:
        if version == self._target or (self._target is None and version == self._version):
            return
        self._target, self._settles = version, False
        if version != self._version:
            self._events.after(self._settings.read_s, self._read, version, self._life)

    def _read(self, version: int, life: int) -> None:
        if life == self._life and self._target == version:
            self._settles = True
            self._swap_if_settled()

    def _swap_if_settled(self) -> None:
        """Load the policy once no attempt of an evaluation is under way: those are of one policy alone."""
        if not self._settles or self._evaluations or self._is_swapping:
            return
        self._settles, self._is_swapping = False, True
        self._engine.pause()
        self._events.after(self._settings.pause_s, self._loaded, self._target, self._life)

    def _loaded(self, version: int, life: int) -> None:
        if life != self._life:
            return
        self._version, self._is_swapping = version, False
        if self._target == version:
            self._target = None
        self._engine.resume()
        self._lease()

    # ---------------------------------------------------------------- failures

    def _fail(self, life: int) -> None:
        if life != self._life:
            return
        self.failures += 1
        self._board.num_active -= 1
        lost = [attempt.leased for attempt in self._held]
        self._events.after(self._settings.lease_ttl_s, self._expire, lost)
        self._engine.fail()
        self._occupied_s += self._engine.occupied_s
        self._life += 1
        self._begin_life()
        self.start(self._settings.restart_s)

    def _expire(self, lost: list[Leased]) -> None:
        self._board.abandon(self._number, lost)
        self._on_completed()  # what is free again wakes those that are idle
