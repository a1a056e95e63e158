"""What a simulated run must keep to, whatever happens in it."""

from dataclasses import replace
from typing import Any

import pytest

from cluster.loop.position import Position
from cluster.simulation.case import Measuring, Shape
from cluster.simulation.parts.board import Board, Work
from cluster.simulation.parts.driver import SimulatedDriver
from cluster.simulation.simulate import simulate
from store.records import Purpose

from .cases import Same, Various, constant_speed, make_case

FAILING = {"mean_s_to_failure": 60.0, "restart_s": 5.0, "lease_ttl_s": 10.0}
MEASURED = Measuring(sizes=(20, 40), sampled=2, undecided_share=0.5)


@pytest.mark.parametrize("lead", [0, 1, 3])
@pytest.mark.parametrize("samplers", [{}, FAILING])
def test_every_scheduled_rollout_is_made_once(lead: int, samplers: dict[str, Any]) -> None:
    workload = Various()
    case = make_case(lead=lead, quorum=0.9, samplers=samplers, workload=workload, measuring=MEASURED)

    outcome = simulate(case)

    assert outcome.rollouts == case.iterations * case.rollouts
    assert outcome.rollouts + outcome.evaluation_rollouts == len(workload.drawn)
    assert outcome.evaluation_rollouts >= case.iterations * (20 + 2 * 20)
    assert len(outcome.marks) == case.iterations + 1
    assert bool(samplers) == (outcome.sampler_failures > 0)


@pytest.mark.parametrize("lead", [0, 1, 2])
def test_the_gate_is_never_violated(lead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tuple[int, int]] = []
    trained: list[tuple[int, float]] = []
    schedule, position = Board.schedule, SimulatedDriver.position

    def note_opening(board: Board, purpose: Purpose, number: int, *rest: Any) -> Work:
        if purpose is Purpose.TRAIN:
            opened.append((number, board.latest))
        return schedule(board, purpose, number, *rest)

    def note_training(driver: SimulatedDriver) -> Position:
        now = position(driver)
        if now.to_train is not None:
            one = next(one for one in now.iterations if one.number == now.to_train)
            trained.append((one.number, 1 - one.missing / one.scheduled))
        return now

    monkeypatch.setattr(Board, "schedule", note_opening)
    monkeypatch.setattr(SimulatedDriver, "position", note_training)

    simulate(make_case(lead=lead, quorum=0.8, samplers=FAILING, workload=Various(), measuring=MEASURED))

    assert [number for number, _ in opened] == [1, 2, 3, 4, 5, 6]
    assert max(number - published - 1 for number, published in opened) == lead
    assert min(judged for _, judged in trained) >= 0.8


def test_without_a_lead_an_iteration_is_sampling_and_training_one_after_the_other() -> None:
    # 160 rollouts in 16 places are ten rounds of 10 s: 100 s
    outcome = simulate(make_case())

    assert outcome.iteration_s == pytest.approx(100 + 20, rel=0.02)
    assert outcome.tokens_per_s == pytest.approx(160 * 100 / 120, rel=0.02)
    assert outcome.engine_utilization == pytest.approx(100 / 120, rel=0.02)
    assert outcome.learner_utilization == pytest.approx(20 / 120, rel=0.02)


@pytest.mark.parametrize("train_s", [20.0, 100.0, 250.0])
def test_a_lead_of_one_hides_the_shorter_phase(train_s: float) -> None:
    outcome = simulate(make_case(lead=1, iterations=12, learner={"train_s": (train_s,)}))

    assert outcome.iteration_s == pytest.approx(max(100, train_s), rel=0.03)


def test_a_lead_of_one_halves_balanced_phases() -> None:
    apart, beside = (simulate(make_case(lead=lead, iterations=12, learner={"train_s": (100.0,)})) for lead in (0, 1))

    assert apart.iteration_s / beside.iteration_s == pytest.approx(2.0, rel=0.03)


def test_more_samplers_do_not_help_once_each_rollout_has_a_place() -> None:
    def iteration_s(samplers: int) -> float:
        return simulate(make_case(samplers={"count": samplers})).iteration_s

    # 160 rollouts, 8 places a sampler: 20 samplers make them in one round of 10 s. Idle ones poll once a second.
    assert iteration_s(10) == pytest.approx(20 + 20, abs=1.2)
    assert iteration_s(20) == pytest.approx(10 + 20, abs=1.2)
    assert iteration_s(80) == pytest.approx(10 + 20, abs=1.2)


def test_more_samplers_do_not_help_a_learner_that_is_busy_all_the_time() -> None:
    few, many = (
        simulate(make_case(lead=1, samplers={"count": count}, learner={"train_s": (150.0,)})) for count in (2, 16)
    )

    assert few.iteration_s == pytest.approx(150, rel=0.02)
    assert many.iteration_s == pytest.approx(150, rel=0.02)


def test_a_quorum_does_not_wait_for_the_longest_rollouts() -> None:
    class OneLong(Same):
        def draw(self, rng: Any) -> Shape:
            return Shape(0, (2000.0,)) if rng.random() < 0.01 else self.shape

    workload = OneLong(Shape(0, (100.0,)))
    all_of_them, most = (simulate(make_case(quorum=quorum, workload=workload)) for quorum in (1.0, 0.9))

    assert all_of_them.iteration_s > 200
    assert most.iteration_s < 150


def test_the_same_seed_gives_the_same_outcome_and_another_one_another() -> None:
    case = make_case(lead=1, samplers=FAILING, workload=Various(), measuring=MEASURED)

    assert simulate(case).marks == simulate(case).marks
    assert simulate(case).marks != simulate(replace(case, seed=1)).marks


@pytest.mark.parametrize("lead", [0, 1])
def test_failures_of_samplers_only_delay(lead: int) -> None:
    calm = simulate(make_case(lead=lead))
    struck = simulate(make_case(lead=lead, samplers=FAILING))

    assert struck.sampler_failures > 0
    assert struck.rollouts == calm.rollouts
    assert all(b.at_s >= a.at_s for a, b in zip(calm.marks, struck.marks, strict=True))
    assert struck.ended_s > calm.ended_s


def test_failures_of_ranks_cost_what_was_trained_since_the_checkpoint() -> None:
    learner = {"train_s": (100.0,), "ranks": 4, "checkpoint_every_s": 30.0}
    calm = simulate(make_case(iterations=20, learner=learner))
    struck = simulate(make_case(iterations=20, learner={**learner, "mean_s_to_failure": 400.0, "restart_s": 5.0}))

    lost_s = struck.ended_s - calm.ended_s
    assert struck.rank_failures > 5
    assert 5.0 * struck.rank_failures <= lost_s <= (5.0 + 30.0) * struck.rank_failures + 1


def test_a_swap_pauses_sampling_while_a_prefetch_does_not() -> None:
    plain = simulate(make_case())
    read = simulate(make_case(samplers={"read_s": 7.0}))
    paused = simulate(make_case(samplers={"pause_s": 7.0}))

    # without a lead there is nothing to sample before the new policy is loaded, so both delay each iteration
    assert read.iteration_s == pytest.approx(plain.iteration_s + 7, abs=1)
    assert paused.iteration_s == pytest.approx(plain.iteration_s + 7, abs=1)

    ahead = simulate(make_case(lead=1, iterations=10, samplers={"read_s": 7.0}))
    assert ahead.iteration_s == pytest.approx(100, abs=1)
    ahead = simulate(make_case(lead=1, iterations=10, samplers={"pause_s": 7.0}))
    assert ahead.iteration_s == pytest.approx(107, abs=2)


def test_an_evaluation_takes_its_share_of_the_engines() -> None:
    measured = simulate(make_case(lead=1, iterations=10, measuring=Measuring(sizes=(80,))))

    # 80 more rollouts in each iteration of 160
    assert measured.iteration_s == pytest.approx(150, rel=0.05)


def test_busy_parts_share_the_cores_of_their_host() -> None:
    # both could use the whole host: beside each other they take as long as one after the other
    parts: dict[str, Any] = {"samplers": {"count": 1, "cores": 2.0}, "learner": {"train_s": (200.0,), "cores": 2.0}}
    alone, beside = (simulate(make_case(lead=lead, host_cores=2.0, **parts)) for lead in (0, 1))

    assert alone.iteration_s == pytest.approx(200 + 200, rel=0.02)
    assert beside.iteration_s == pytest.approx(400, rel=0.03)


def test_a_slice_behaves_as_the_whole_does() -> None:
    case = make_case(
        lead=1,
        problems=2000,
        iterations=4,
        workload=Various(),
        samplers={"count": 40, "speed": constant_speed(8, 0.05)},
        measuring=Measuring(sizes=(200,)),
    )
    whole, part = simulate(case), simulate(case.slice(0.25))

    assert part.iteration_s == pytest.approx(whole.iteration_s, rel=0.03)
    assert 4 * part.tokens_per_s == pytest.approx(whole.tokens_per_s, rel=0.03)
    assert part.engine_utilization == pytest.approx(whole.engine_utilization, rel=0.03)
