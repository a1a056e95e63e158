"""Simulate a case: build the parts, let them run, and take the figures at each publication."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from cluster.simulation.case import Case, Shape
from cluster.simulation.parts.board import Board
from cluster.simulation.parts.driver import SimulatedDriver
from cluster.simulation.parts.events import EventQueue
from cluster.simulation.parts.host import HostCores
from cluster.simulation.parts.learner import SimulatedLearner
from cluster.simulation.parts.sampler import SimulatedSampler
from store.records import Purpose


@dataclass(frozen=True, slots=True)
class Mark:
    """What had happened by a publication: sums since the start. `tokens` are those of training rollouts."""

    at_s: float
    rollouts: int = 0
    tokens: float = 0.0
    occupied_s: float = 0.0
    learner_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A simulated run. `marks` has the start and each publication.

    Figures are those of `steady(marks)`.
    """

    case: Case
    marks: tuple[Mark, ...]
    ended_s: float
    rollouts: int
    evaluation_rollouts: int
    sampler_failures: int
    rank_failures: int

    @property
    def iteration_s(self) -> float:
        """Seconds between two publications."""
        return self._elapsed_s / (len(self._window) - 1)

    @property
    def tokens_per_s(self) -> float:
        """Training tokens sampled per second of wall-clock time."""
        return self._sum(lambda mark: mark.tokens) / self._elapsed_s

    @property
    def engine_utilization(self) -> float:
        """The share of the engines' places that were taken: 1 if all sampled `max_concurrent_rollouts` all the time."""
        samplers = self.case.samplers
        return self._sum(lambda mark: mark.occupied_s) / (self._elapsed_s * samplers.count * samplers.speed.places)

    @property
    def learner_utilization(self) -> float:
        """The share of the time in which a policy was trained or published."""
        return self._sum(lambda mark: mark.learner_s) / self._elapsed_s

    @property
    def _window(self) -> tuple[Mark, ...]:
        return tuple(steady(self.marks[1:], self.case.lead)) if len(self.marks) > 2 else self.marks

    @property
    def _elapsed_s(self) -> float:
        return self._window[-1].at_s - self._window[0].at_s

    def _sum(self, counted: Callable[[Mark], float]) -> float:
        return counted(self._window[-1]) - counted(self._window[0])


def steady[T](publications: Sequence[T], lead: int) -> Sequence[T]:
    """The publications between which a run is in its stride, two at least if there are as many.

    Before the first one samplers start and nothing is ahead yet. Before the last `lead` ones nothing is left to be
    sampled ahead.
    """
    return publications[: max(2, len(publications) - lead)]


def simulate(case: Case) -> Outcome:
    """Simulate a case to its end. The same case gives the same outcome."""
    return _Simulation(case).run()


class _Simulation:
    def __init__(self, case: Case) -> None:
        self._case = case
        self._events, self._board, host = EventQueue(), Board(), HostCores(case.host_cores)
        self._learner = SimulatedLearner(case.learner, self._events, host, _rng(case, "ranks"))
        self._samplers = [
            SimulatedSampler(
                number,
                case.samplers,
                self._events,
                self._board,
                host,
                _rng(case, f"sampler {number}"),
                self._written,
                self._wake,
            )
            for number in range(case.samplers.count)
        ]
        self._driver = SimulatedDriver(
            case, self._events, self._board, self._learner, self._wake, lambda _: self._mark()
        )
        self._rollouts = self._evaluation_rollouts = 0
        self._tokens = 0.0
        self._marks = [Mark(0.0)]

    def run(self) -> Outcome:
        self._driver.tick()
        for sampler in self._samplers:
            sampler.start(self._case.samplers.start_s)
        self._events.run(lambda: self._driver.is_finished)
        return Outcome(
            self._case,
            tuple(self._marks),
            self._events.now,
            self._rollouts,
            self._evaluation_rollouts,
            sum(sampler.failures for sampler in self._samplers),
            self._learner.failures,
        )

    def _wake(self) -> None:
        for sampler in self._samplers:
            sampler.wake()

    def _written(self, shape: Shape, purpose: Purpose) -> None:
        if purpose is Purpose.TRAIN:
            self._rollouts += 1
            self._tokens += shape.sampled_tokens
        else:
            self._evaluation_rollouts += 1

    def _mark(self) -> None:
        occupied_s = sum(sampler.occupied_s for sampler in self._samplers)
        self._marks.append(Mark(self._events.now, self._rollouts, self._tokens, occupied_s, self._learner.busy_s))


def _rng(case: Case, name: str) -> Random:
    return Random(f"{case.seed} {name}")  # noqa: S311
