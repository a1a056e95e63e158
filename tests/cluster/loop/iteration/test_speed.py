"""The speed of sampling, while activities overlap."""

from typing import Any

import pytest

from cluster.loop.iteration.speed import SpeedMeter


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def meter(clock: Clock) -> SpeedMeter:
    return SpeedMeter(clock)


def written(tokens: int, **retries: int) -> dict[str, Any]:
    return {"train_tokens": tokens, "fault_retries": retries}


def test_the_speed_is_over_the_time_in_which_there_was_something_to_sample(clock: Clock, meter: SpeedMeter) -> None:
    clock.now_s += 10.0
    meter.tick(1, [written(300), written(200)], is_measuring=False)
    clock.now_s += 30.0
    meter.tick(None, [], is_measuring=False)  # the learner trains, and samplers have nothing to do
    sampled = meter.take(1)
    assert sampled.tokens_per_s == pytest.approx(50.0)
    assert sampled.seconds == {"all": 40.0, "sample": 10.0}


def test_activities_that_overlap_each_count_the_whole_time(clock: Clock, meter: SpeedMeter) -> None:
    clock.now_s += 10.0
    meter.tick(1, [written(100)], is_measuring=True)
    meter.add_seconds({"learn": 8.0})
    assert meter.take(1).seconds == {"all": 10.0, "sample": 10.0, "measure": 10.0, "learn": 8.0}


def test_what_is_sampled_ahead_counts_for_the_iteration_that_it_is_sampled_for(clock: Clock, meter: SpeedMeter) -> None:
    clock.now_s += 10.0
    meter.tick(1, [written(1000)], is_measuring=False)
    clock.now_s += 5.0
    meter.tick(2, [written(100)], is_measuring=False)  # while the learner trains on the first
    assert meter.take(1).tokens_per_s == pytest.approx(100.0)
    clock.now_s += 5.0
    meter.tick(2, [written(100)], is_measuring=False)
    second = meter.take(2)
    assert second.tokens == 200
    assert second.seconds == {"all": 5.0, "sample": 10.0}


def test_what_arrives_after_the_last_rollout_is_not_lost(clock: Clock, meter: SpeedMeter) -> None:
    clock.now_s += 10.0
    meter.tick(1, [written(100)], is_measuring=False)
    meter.tick(None, [written(50)], is_measuring=False)
    assert meter.take(1).tokens == 150


def test_retries_are_added_up_by_kind(meter: SpeedMeter) -> None:
    meter.tick(1, [written(1, engine=2), written(1, engine=1, sandbox=1)], is_measuring=False)
    assert meter.take(1).fault_retries == {"engine": 3, "sandbox": 1}


def test_each_report_begins_anew(clock: Clock, meter: SpeedMeter) -> None:
    clock.now_s += 10.0
    meter.tick(1, [written(100)], is_measuring=True)
    meter.take(1)
    nothing = meter.take(1)
    assert (nothing.tokens, nothing.seconds, nothing.tokens_per_s) == (0, {}, None)
