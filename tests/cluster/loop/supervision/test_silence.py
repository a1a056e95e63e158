"""The limit on silence, which is on time without progress, however long everything takes."""

import pytest

from cluster.loop.supervision.silence import SilenceWatch, StalledError


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def watch(clock: Clock) -> SilenceWatch:
    return SilenceWatch(60.0, clock)


def test_ninety_minutes_with_a_sign_each_minute_are_no_silence(clock: Clock) -> None:
    silence = watch(clock)
    for minute in range(90):
        silence.check(minute, lambda: "a rollout")
        clock.now_s += 59.0


def test_no_sign_for_the_limit_ends_the_run_and_says_what_is_waited_for(clock: Clock) -> None:
    silence = watch(clock)
    silence.check("a", lambda: "3 rollouts missing")
    clock.now_s += 61.0
    with pytest.raises(StalledError, match=r"for 61 s \(ray.stall_s\): 3 rollouts missing"):
        silence.check("a", lambda: "3 rollouts missing")


def test_silence_from_the_very_beginning_counts(clock: Clock) -> None:
    silence = watch(clock)
    clock.now_s += 30.0
    silence.check("a", lambda: "")
    clock.now_s += 61.0
    with pytest.raises(StalledError):
        silence.check("a", lambda: "")


def test_a_change_to_fewer_is_a_sign_too(clock: Clock) -> None:
    silence = watch(clock)
    for sign in (2, 1, 2, 1):
        silence.check(sign, lambda: "")
        clock.now_s += 50.0


def test_time_in_which_nothing_is_meant_to_go_on_does_not_count(clock: Clock) -> None:
    silence = watch(clock)
    silence.check("a", lambda: "")
    for _ in range(5):
        clock.now_s += 50.0
        silence.reset()
    clock.now_s += 50.0
    silence.check("a", lambda: "")
