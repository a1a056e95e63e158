"""The simulated driver: does what is due, as the real one does, by the real `Position`."""

from collections.abc import Callable, Sequence
from random import Random

from cluster.loop.position import Position
from cluster.simulation.case import Case, Shape
from cluster.simulation.parts.board import Board, Work
from cluster.simulation.parts.events import EventQueue
from cluster.simulation.parts.learner import SimulatedLearner
from store.records import Purpose
from store.runs.policies import PolicyState


class SimulatedDriver:
    """Opens iterations, starts trainings, measures policies and closes iterations at every poll.

    Nothing here decides who waits for whom: `Position` does, which is the gate of real runs. `on_work` is called when
    there is something new to sample, `on_published` with each published iteration.
    """

    def __init__(
        self,
        case: Case,
        events: EventQueue,
        board: Board,
        learner: SimulatedLearner,
        on_work: Callable[[], None],
        on_published: Callable[[int], None],
    ) -> None:
        self._case, self._events, self._board, self._learner = case, events, board, learner
        self._on_work, self._on_published = on_work, on_published
        self._policies = [PolicyState(0, None, None, is_decided=True)]
        self._evaluations: dict[int, list[Work]] = {}
        self._looks: dict[int, int] = {}
        self.is_finished = False
        """Whether everything is trained, measured and sampled to the end, at the last poll."""

    def position(self) -> Position:
        """The position at this moment."""
        return Position(
            target=self._case.iterations,
            lead=self._case.lead,
            quorum=self._case.quorum,
            samples=True,
            has_warm_start=False,
            measures_base=False,
            policies=self._policies,
            iterations=self._board.iterations(),
        )

    def tick(self) -> None:
        """Do what is due, and poll again."""
        position = self.position()
        for number in position.to_open:
            self._open(number)
        for version in position.to_measure:
            self._measure(version)
        for number in position.to_close:
            self._board.close(number)
        if position.to_train is not None and not self._learner.is_busy:
            number = position.to_train
            self._learner.train(number, lambda: self._publish(number))
        self.is_finished = position.is_finished
        if not self.is_finished:
            self._events.after(self._case.poll_s, self.tick)

    def _open(self, number: int) -> None:
        shapes = self._draw(f"iteration {number}", self._case.rollouts)
        self._board.schedule(Purpose.TRAIN, number, self._board.latest, shapes, self._case.samples_per_problem)
        self._on_work()

    def _publish(self, number: int) -> None:
        version = self._policies[-1].version + 1
        is_measured = bool(self._case.measuring.sizes)
        self._policies.append(PolicyState(version, version - 1, number, is_decided=not is_measured))
        self._board.published.append((version, self._events.now))
        self._on_published(number)
        self._on_work()
        self._events.after(self._case.samplers.swap_wait_s, self._on_work)  # an evaluation delays no swap any longer

    # ---------------------------------------------------------------- measuring

    def _measure(self, version: int) -> None:
        """Schedule the next look at a policy once the last one is complete, or decide."""
        if any(work.missing for work in self._evaluations.get(version, ())):
            return
        look = self._looks.get(version, 0)
        sizes, rng = self._case.measuring.sizes, Random(f"{self._case.seed} look {look} at {version}")  # noqa: S311
        if look == len(sizes) or (look and rng.random() >= self._case.measuring.undecided_share):
            self._decide(version)
            return
        self._looks[version] = look + 1
        before = sizes[look - 1] if look else 0
        self._evaluations[version] = [self._evaluate(version, f"greedy {look}", sizes[look] - before, 1)]
        if look == 0 and self._case.measuring.sampled:
            attempts = sizes[0] * self._case.measuring.sampled
            self._evaluations[version].append(
                self._evaluate(version, "sampled", attempts, self._case.measuring.sampled)
            )
        self._on_work()

    def _evaluate(self, version: int, name: str, attempts: int, samples: int) -> Work:
        shapes = self._draw(f"{name} of {version}", attempts)
        return self._board.schedule(Purpose.EVAL, version, version, shapes, samples)

    def _decide(self, version: int) -> None:
        index = next(i for i, policy in enumerate(self._policies) if policy.version == version)
        policy = self._policies[index]
        self._policies[index] = PolicyState(version, policy.parent, policy.iteration, is_decided=True)

    def _draw(self, name: str, number: int) -> Sequence[Shape]:
        """Rollouts that depend on the seed and their place alone, whatever happened before."""
        rng = Random(f"{self._case.seed} {name}")  # noqa: S311
        return [self._case.workload.draw(rng) for _ in range(number)]
