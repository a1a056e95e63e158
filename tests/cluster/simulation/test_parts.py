"""Engine and sandbox against closed forms of queueing theory; the learner's clock."""

from collections.abc import Callable
from math import factorial
from random import Random

import pytest

from cluster.simulation.case import DecodeSpeed
from cluster.simulation.parts.engine import SimulatedEngine
from cluster.simulation.parts.events import EventQueue
from cluster.simulation.parts.host import HostCores
from cluster.simulation.parts.sandbox import SimulatedSandbox


def run_until(events: EventQueue, time_s: float) -> None:
    finished: list[bool] = []
    events.at(time_s, finished.append, True)
    events.run(lambda: bool(finished))


def make_engine(speed: DecodeSpeed) -> tuple[EventQueue, SimulatedEngine]:
    events = EventQueue()
    return events, SimulatedEngine(events, speed, HostCores(None))


class Circle:
    """So many rollouts that go from the engine to the sandbox and back, for ever; `turns` counts the passages."""

    def __init__(self, speed: DecodeSpeed, cores: int, customers: int, tokens: float, block_s: float) -> None:
        self.events, self.engine = make_engine(speed)
        self._sandbox = SimulatedSandbox(self.events, cores)
        self._rng, self._tokens, self._block_s = Random(7), tokens, block_s
        self.turns = 0
        for customer in range(customers):
            self._generate(customer)

    def _generate(self, customer: object) -> None:
        self.engine.submit(0, self._rng.expovariate(1 / self._tokens), self._execute, customer)

    def _execute(self, customer: object) -> None:
        self.turns += 1
        self._sandbox.submit(self._rng.expovariate(1 / self._block_s), self._generate, customer)


def test_a_sandbox_of_few_cores_is_the_machine_repair_model() -> None:
    """Rollouts think in the engine, each at the same speed, and queue for c cores: M/M/c//N has a closed form."""
    customers, cores, think_s, block_s = 12, 2, 5.0, 1.0
    circle = Circle(DecodeSpeed((0.1,) * 13), cores, customers, think_s / 0.1, block_s)
    run_until(circle.events, 20_000)

    ratio = block_s / think_s

    def weight(n: int) -> float:  # of n rollouts at the sandbox
        ways = factorial(customers) / factorial(customers - n)
        return ways * ratio**n / (factorial(n) if n <= cores else factorial(cores) * cores ** (n - cores))

    total = sum(weight(n) for n in range(customers + 1))
    busy_cores = sum(min(n, cores) * weight(n) for n in range(customers + 1)) / total
    assert circle.turns / 20_000 == pytest.approx(busy_cores / block_s, rel=0.02)


def test_an_engine_that_divides_its_speed_is_a_shared_processor() -> None:
    """A step that takes n times as long for n sequences serves one at a time: with ample cores it is M/M/1//N."""
    customers, serve_s, block_s = 6, 2.0, 8.0
    speed = DecodeSpeed(tuple(0.1 * max(n, 1) for n in range(customers + 1)))
    circle = Circle(speed, customers, customers, serve_s / 0.1, block_s)
    run_until(circle.events, 20_000)

    ratio = serve_s / block_s
    weights = [factorial(customers) / factorial(customers - n) * ratio**n for n in range(customers + 1)]
    busy = 1 - weights[0] / sum(weights)
    assert circle.turns / 20_000 == pytest.approx(busy / serve_s, rel=0.02)
    held = sum(n * weight for n, weight in enumerate(weights)) / sum(weights)
    assert circle.engine.occupied_until_now() / 20_000 == pytest.approx(held, rel=0.03)


def ends(events: EventQueue) -> tuple[dict[object, float], Callable[[object], None]]:
    times: dict[object, float] = {}
    return times, lambda name: times.__setitem__(name, events.now)


def test_sequences_that_come_and_go_change_the_speed_of_the_others() -> None:
    events, engine = make_engine(DecodeSpeed((1.0, 1.0, 2.0)))
    times, ended = ends(events)
    engine.submit(0, 10, ended, "first")
    events.at(4.0, engine.submit, 0, 3, ended, "second")
    events.run(lambda: False)

    # 4 tokens alone, then 3 at half the speed beside the second, then the last 3 alone
    assert times == {"second": pytest.approx(10.0), "first": pytest.approx(13.0)}


def test_a_sequence_without_a_place_waits_for_one() -> None:
    events, engine = make_engine(DecodeSpeed((1.0, 1.0)))
    times, ended = ends(events)
    engine.submit(0, 5, ended, "first")
    engine.submit(0, 5, ended, "second")
    events.run(lambda: False)

    assert times == {"first": pytest.approx(5.0), "second": pytest.approx(10.0)}


def test_prompts_and_pauses_hold_all_sequences_up() -> None:
    events, engine = make_engine(DecodeSpeed((1.0, 1.0, 1.0), prefill_s_per_token=0.1))
    times, ended = ends(events)
    engine.submit(0, 10, ended, "first")
    events.at(2.0, engine.submit, 20, 10, ended, "second")  # 2 s of prompt
    events.at(6.0, engine.pause)
    events.at(9.0, engine.resume)
    events.run(lambda: False)

    assert times == {"first": pytest.approx(15.0), "second": pytest.approx(17.0)}


def test_an_engine_that_failed_ends_no_turn() -> None:
    events, engine = make_engine(DecodeSpeed((1.0, 1.0)))
    times, ended = ends(events)
    engine.submit(0, 5, ended, "first")
    events.at(2.0, engine.fail)
    events.run(lambda: False)

    assert times == {}


def test_parts_slow_down_by_what_all_of_them_could_use() -> None:
    events, host = EventQueue(), HostCores(2.0)
    engine = SimulatedEngine(events, DecodeSpeed((1.0, 1.0)), host, cores=1.0)
    times, ended = ends(events)
    engine.submit(0, 10, ended, "first")
    events.at(4.0, host.use, 3.0)  # four cores are wanted, two are there
    events.at(8.0, host.use, -3.0)
    events.run(lambda: False)

    assert times == {"first": pytest.approx(12.0)}
