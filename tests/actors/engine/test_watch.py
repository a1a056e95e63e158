"""The watch over tokens, with a clock of its own."""

import pytest

from actors.engine.watch import RequestProgress, TokenWatch

SILENCE_S = 10.0


class Clock:
    def __init__(self) -> None:
        self.now_s = 500.0

    def __call__(self) -> float:
        return self.now_s


class Watched:
    """A watch that is polled every second."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.watch = TokenWatch(SILENCE_S, self.clock)
        self.tokens: dict[str, int] = {}

    def begin(self, *requests: str) -> None:
        for request in requests:
            self.tokens[request] = 0
            self.watch.begin(request)

    def run(self, seconds: int, **tokens_per_s: int) -> None:
        for _ in range(seconds):
            self.clock.now_s += 1.0
            for request, more in tokens_per_s.items():
                self.tokens[request] += more
            self.watch.poll(self.tokens)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_tokens_are_counted_once(watched: Watched) -> None:
    watched.begin("a", "b")
    watched.run(3, a=5, b=2)
    watched.watch.end("a", 17)
    watched.watch.end("a", 17)
    del watched.tokens["a"]
    watched.run(1, b=2)
    assert watched.watch.tokens == 17 + 8


def test_a_request_that_ends_between_two_polls_is_counted(watched: Watched) -> None:
    watched.watch.begin("a")
    watched.watch.end("a", 9)
    assert watched.watch.tokens == 9


def test_tokens_of_a_request_that_failed_stay_counted(watched: Watched) -> None:
    watched.begin("a")
    watched.run(2, a=5)
    watched.watch.end("a", None)
    assert watched.watch.tokens == 10


def test_an_engine_is_silent_only_while_it_has_requests(watched: Watched) -> None:
    watched.run(100)
    assert watched.watch.silent_s() == 0
    watched.begin("a")
    watched.run(4)
    assert 3 <= watched.watch.silent_s() <= 4
    watched.run(1, a=1)
    assert watched.watch.silent_s() == 0


def test_a_pause_is_no_silence(watched: Watched) -> None:
    watched.begin("a")
    watched.run(1, a=1)
    watched.watch.pause()
    watched.run(100)
    watched.watch.resume()
    watched.run(2)
    assert watched.watch.silent_s() <= 2
    assert watched.watch.silent_requests() == []


def test_a_process_that_did_not_run_sees_no_silence(watched: Watched) -> None:
    watched.begin("a")
    watched.run(1, a=1)
    watched.clock.now_s += 3600
    watched.watch.poll(watched.tokens)
    assert watched.watch.silent_s() <= 2


def test_a_request_that_fell_silent_among_others_is_found(watched: Watched) -> None:
    watched.begin("a", "b", "queued")
    watched.run(2, a=1, b=1)
    watched.run(9, b=1)
    assert watched.watch.silent_requests() == []
    watched.run(1, b=1)
    assert watched.watch.silent_requests() == ["a"]


def test_a_silent_engine_has_no_silent_request(watched: Watched) -> None:
    watched.begin("a", "b")
    watched.run(2, a=1, b=1)
    watched.run(20)
    assert watched.watch.silent_s() == 20
    assert watched.watch.silent_requests() == []


def test_progress_is_kept_up_to_date(watched: Watched) -> None:
    progress = RequestProgress()
    watched.watch.begin("a", progress)
    assert progress.token_at_s is None
    watched.watch.poll({"a": 3})
    assert (progress.tokens, progress.token_at_s) == (3, watched.watch.now_s)


def test_the_slowest_speed_is_per_request_and_includes_those_that_wait(watched: Watched) -> None:
    assert watched.watch.slowest_tokens_per_s is None
    watched.begin("a", "b")
    watched.run(10, a=8, b=8)
    assert watched.watch.slowest_tokens_per_s == pytest.approx(8, rel=0.2)
    watched.begin("queued")
    watched.run(10, a=6, b=6)
    assert watched.watch.slowest_tokens_per_s == pytest.approx(4, rel=0.2)
    watched.run(20, a=60, b=60)
    assert watched.watch.slowest_tokens_per_s == pytest.approx(4, rel=0.2)


def test_silence_lowers_no_speed(watched: Watched) -> None:
    watched.begin("a")
    watched.run(10, a=8)
    watched.run(30)
    assert watched.watch.slowest_tokens_per_s == pytest.approx(8, rel=0.2)
