"""Jobs with a teacher that misbehaves: what can be had is had, and the budget holds to the millionth of a dollar."""

import random
import time

import pytest

from actors.annotation.endpoint.failures import TeacherError
from actors.annotation.endpoint.pace import Stop
from store.records import RequestStatus
from store.store import Store

from ...teacher_server import TeacherServer
from .conftest import Annotate

FREE = ("rate_limit", "error_500", "slow_down")
LOST = ("error_504", "hang", "hang_in_stream", "cut", "end_early", "wrong_json", "wrong_bytes", "nested", "wrong_shape")
ANSWERED = ("no_usage", "bad_usage")


def once(server: TeacherServer, how: str) -> None:
    """Misbehave at the first request."""
    server.behaviour = lambda body, number: how if number == 0 else "answer"


@pytest.mark.parametrize("stream", [True, False])
def test_a_request_that_failed_is_sent_again(stream: bool, annotate: Annotate, server: TeacherServer) -> None:
    lost = LOST if stream else [how for how in LOST if "stream" not in how and how != "end_early"]
    ways = [*FREE, *lost]
    server.behaviour = lambda body, number: ways[number] if number < len(ways) else "answer"
    summary, _ = annotate(limit=1, samples=1, retries=len(ways), stream=stream)
    assert [one.how for one in server.asked] == [*ways, "answer", "answer"]
    assert summary.attempts == {"accepted": 1}
    assert summary.requests == {"settled": 2, "refused": len(FREE), "lost": len(lost)}
    assert summary.job.spending.spent.microusd > server.charged_microusd  # all that the lost ones could have cost


@pytest.mark.parametrize("how", FREE[:2])
def test_what_is_refused_costs_nothing(how: str, annotate: Annotate, server: TeacherServer) -> None:
    once(server, how)
    summary, _ = annotate(limit=1, samples=1)
    assert summary.requests == {"settled": 2, "refused": 1}
    assert summary.job.spending.spent.microusd == server.charged_microusd


@pytest.mark.parametrize("how", ANSWERED)
def test_an_answer_without_usage_counts_with_its_reservation(how, annotate: Annotate, server: TeacherServer) -> None:
    once(server, how)
    summary, _ = annotate(limit=1, samples=1)
    assert (summary.attempts, summary.requests) == ({"accepted": 1}, {"settled": 2})
    assert summary.job.spending.spent.microusd > server.charged_microusd


def test_a_call_with_bad_arguments_is_answered_and_corrected(
    annotate: Annotate, server: TeacherServer, store: Store
) -> None:
    once(server, "bad_arguments")
    summary, _ = annotate(limit=1, samples=1, calls="tools")
    assert (summary.attempts, summary.kept) == ({"accepted": 1}, 1)
    (kept,) = store.annotations.kept()
    assert len(kept.solution.turns) == 2  # the bad call is no part of the solution
    answers = [m["content"] for m in server.asked[1].body["messages"] if m["role"] == "tool"]
    assert "must be JSON" in answers[0]


def test_the_server_is_left_alone_for_as_long_as_it_asks(annotate: Annotate, server: TeacherServer) -> None:
    seen: list[float] = []

    def behaviour(body, number: int) -> str:
        seen.append(time.monotonic())
        return "slow_down" if number == 0 else "answer"

    server.behaviour = behaviour
    annotate(limit=3, concurrency=1)
    assert seen[1] - seen[0] >= 1.0


def test_a_question_that_is_refused_does_not_end_the_job(annotate: Annotate, server: TeacherServer) -> None:
    server.behaviour = lambda body, number: "refuse" if "What is 3 + 1?" in str(body["messages"]) else "answer"
    summary, progress = annotate()
    assert (summary.attempts, summary.failed) == ({"accepted": 21, "open": 3}, 3)
    assert progress.failures.total() == 3
    server.behaviour = lambda body, number: "answer"
    summary, _ = annotate()
    assert (summary.attempts, summary.failed) == ({"accepted": 24}, 0)


def test_a_refused_key_ends_the_job(annotate: Annotate, server: TeacherServer) -> None:
    server.behaviour = lambda body, number: "unauthorized"
    with pytest.raises(TeacherError, match="HTTP 401"):
        annotate()
    assert len(server.asked) <= 8


def test_an_endpoint_that_is_down_ends_the_job(annotate: Annotate, server: TeacherServer) -> None:
    server.behaviour = lambda body, number: "error_500"
    with pytest.raises(TeacherError, match="attempts in a row"):
        annotate(retries=0)


def test_usage_that_cannot_be_ends_the_job(annotate: Annotate, server: TeacherServer) -> None:
    once(server, "huge_usage")
    with pytest.raises(TeacherError, match="can have"):
        annotate(concurrency=1)
    assert len(server.asked) == 1


def test_a_stopped_job_stores_what_is_under_way_and_continues(annotate: Annotate, server: TeacherServer) -> None:
    stop = Stop()

    def behaviour(body, number: int) -> str:
        if number == 5:
            stop.set()
        return "answer"

    server.behaviour = behaviour
    summary, progress = annotate(stop=stop, concurrency=2)
    assert progress.is_stopped
    assert summary.requests == {"settled": len(server.asked)}
    assert summary.job.spending.spent.microusd == server.charged_microusd
    summary, _ = annotate()
    assert (summary.attempts, len(server.asked)) == ({"accepted": 24}, 48)


def misbehaving(seed: int):
    """A mixture of everything, the same for each seed."""
    rng = random.Random(seed)
    ways = [*FREE[:2], *LOST[2:], *ANSWERED, "bad_arguments"]

    def behaviour(body, number: int) -> str:
        return rng.choice(ways) if rng.random() < 0.3 else "answer"

    return behaviour


@pytest.mark.parametrize("calls", ["fenced", pytest.param("tools", marks=pytest.mark.slow)])
def test_the_budget_is_never_exceeded_and_all_is_had_in_the_end(
    calls: str, annotate: Annotate, server: TeacherServer, store: Store
) -> None:
    server.behaviour = misbehaving(7)
    for dollars in ("0.01", "0.03", "0.06", "2"):
        before = {(one.place) for one in server.asked}
        summary, progress = annotate(dollars, calls=calls, retries=8)
        spent = summary.job.spending
        assert server.charged_microusd <= spent.spent.microusd <= float(dollars) * 1_000_000
        assert spent.reserved == (0, 0)
        assert progress.budget_is_spent == (dollars != "2")
        assert before <= {one.place for one in server.asked}
    assert summary.attempts == {"accepted": 24}
    assert summary.requests[RequestStatus.SETTLED] == progress_turns(store, summary.job.id)


def progress_turns(store: Store, job_id: int) -> int:
    with store._database.engine.connect() as connection:
        query = "SELECT count(*) FROM annotation_turns JOIN annotation_attempts ON attempt_id = id WHERE job_id = ?"
        return int(connection.exec_driver_sql(query, (job_id,)).scalar_one())


def test_a_budget_of_tokens_holds_too(annotate: Annotate, server: TeacherServer) -> None:
    summary, progress = annotate(tokens=10_000)
    assert progress.budget_is_spent
    assert sum(one.tokens for one in server.asked) == summary.job.spending.spent.tokens <= 10_000


def test_nothing_is_sent_that_the_budget_cannot_pay(annotate: Annotate, server: TeacherServer) -> None:
    _, progress = annotate("0.0001")
    assert progress.budget_is_spent
    assert server.asked == []
