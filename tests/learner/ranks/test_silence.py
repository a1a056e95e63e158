"""Silence of ranks, by a clock that the test advances."""

from learner.progress import RankProgress
from learner.ranks.silence import SilenceLimits, SilenceWatch

LIMITS = SilenceLimits(start_s=900, work_s=300, data_s=3000)


class Ranks:
    """Ranks that report what the test says, looked at every second."""

    def __init__(self, number: int) -> None:
        self.now = 0.0
        self.watch = SilenceWatch(number, LIMITS, {}, lambda: self.now)
        self.number = number

    def silent_after(self, limit_s: int, **progress: RankProgress | None) -> tuple[float, str] | None:
        """Let the ranks `r0`, `r1`, ... give the same answer for up to `limit_s`; None: it gives no answer."""
        for second in range(limit_s):
            self.now += 1
            for name, answer in progress.items():
                if answer is not None:
                    self.watch.hear(int(name[1:]), answer)
            if silence := self.watch.find(range(self.number)):
                return second, str(silence)
        return None


def test_a_training_of_any_length_is_not_silent_while_it_steps() -> None:
    ranks = Ranks(2)
    for step in range(36_000):  # ten hours, a step a second
        at_work = RankProgress(count=step, step=step, total=40_000)
        assert ranks.silent_after(1, r0=at_work, r1=at_work) is None


def test_a_rank_that_does_not_answer_is_found_while_the_others_wait_for_it() -> None:
    ranks = Ranks(2)
    assert ranks.silent_after(1, r0=RankProgress(5, "trains"), r1=RankProgress(5, "trains")) is None
    found = ranks.silent_after(400, r0=RankProgress(6, "trains"), r1=None)
    assert found is not None
    assert found[0] == 300
    assert "learner rank 1 does not answer for 301 s; last, it trains" in found[1]


def test_of_ranks_that_all_answer_the_one_furthest_behind_is_named() -> None:
    found = Ranks(3).silent_after(400, r0=RankProgress(9), r1=RankProgress(7, "reads the samples"), r2=RankProgress(9))
    assert found is not None
    assert "learner rank 1 answers but makes no progress for 301 s; last, it reads the samples" in found[1]


def test_a_rank_that_waits_for_another_is_not_blamed() -> None:
    found = Ranks(2).silent_after(
        400, r0=RankProgress(9, "publishes v000003"), r1=RankProgress(2, "waits for rank 0", waits=True)
    )
    assert found is not None
    assert "rank 0" in found[1]


def test_waiting_for_a_rank_that_writes_for_hours_is_no_silence() -> None:
    ranks = Ranks(2)
    waiting = RankProgress(2, "waits for rank 0 to write", waits=True)
    for count in range(7200):
        assert ranks.silent_after(1, r0=RankProgress(count, moves_data=True), r1=waiting) is None


def test_gigabytes_have_a_longer_limit() -> None:
    ranks = Ranks(1)
    assert ranks.silent_after(3000, r0=RankProgress(1, moves_data=True)) is None
    assert ranks.silent_after(10, r0=RankProgress(1, moves_data=True)) is not None


def test_a_rank_that_never_starts_has_the_limit_of_the_start() -> None:
    found = Ranks(2).silent_after(1000, r0=RankProgress(1), r1=None)
    assert found is not None
    assert found[0] == 900
    assert "learner rank 1 did not start within 901 s" in found[1]


def test_a_driver_that_was_held_up_blames_no_rank() -> None:
    ranks = Ranks(1)
    assert ranks.silent_after(1, r0=RankProgress(1)) is None
    ranks.now += 3600  # suspended
    assert ranks.watch.find([0]) is None
