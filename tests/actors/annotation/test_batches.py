"""Jobs in batches: the same results, and the same budget, whatever a batch comes to."""

import random

import pytest

from actors.annotation.endpoint.failures import TeacherError
from actors.annotation.endpoint.pace import Stop
from store.records import UNSPENT, Spending
from store.store import Store

from ...teacher_server import TeacherServer
from .conftest import Annotate

QUICK = {"batch": True, "batch_poll_s": 0.02}


@pytest.mark.parametrize("calls", ["fenced", "tools"])
def test_each_batch_has_a_turn_of_every_attempt(calls: str, annotate: Annotate, server: TeacherServer) -> None:
    summary, _ = annotate(calls=calls, **QUICK)
    assert (summary.attempts, summary.kept) == ({"accepted": 24}, 8)
    assert len(server.batches) == 2
    assert len(server.asked) == 48
    assert summary.job.spending == Spending((server.charged_microusd, sum(a.tokens for a in server.asked)), (0, 0))


def test_small_batches_go_on_with_new_attempts(annotate: Annotate, server: TeacherServer) -> None:
    summary, _ = annotate(batch_size=5, **QUICK)
    assert summary.attempts == {"accepted": 24}
    assert max(len(file.splitlines()) for file in server.files.values()) == 5
    assert len(server.asked) == 48


def leave_a_batch(annotate: Annotate, server: TeacherServer):
    """Stop a job while its first batch, of 24 requests, is under way."""
    server.polls_until_ended = 10**9
    stop = Stop()

    def behaviour(body, number: int) -> str:
        if number == 23:
            stop.set()
        return "answer"

    server.behaviour = behaviour
    left = annotate(stop=stop, **QUICK)
    server.polls_until_ended = 0
    return left


def test_a_batch_that_was_under_way_is_read_by_the_next_start(annotate: Annotate, server: TeacherServer) -> None:
    summary, progress = leave_a_batch(annotate, server)
    assert (progress.is_stopped, summary.requests) == (True, {"reserved": 24})
    summary, progress = annotate(**QUICK)
    assert summary.attempts == {"accepted": 24}
    assert (progress.turns, len(server.asked)) == (48, 48)
    assert summary.job.spending.spent.microusd == server.charged_microusd


def test_a_batch_that_nobody_knows_counts_as_spent(annotate: Annotate, server: TeacherServer) -> None:
    leave_a_batch(annotate, server)
    server.batches.clear()
    summary, _ = annotate(**QUICK)
    assert summary.attempts == {"accepted": 24}
    assert summary.requests == {"lost": 24, "settled": 48}
    assert server.charged_microusd <= summary.job.spending.spent.microusd


def test_the_budget_holds_in_batches_that_go_wrong(annotate: Annotate, server: TeacherServer) -> None:
    rng = random.Random(5)
    ways = ["cut", "wrong_json", "rate_limit", "error_500", "no_usage"]
    server.behaviour = lambda body, number: rng.choice(ways) if rng.random() < 0.3 else "answer"
    for dollars in ("0.02", "0.05", "2"):
        summary, progress = annotate(dollars, retries=8, **QUICK)
        spending = summary.job.spending
        assert server.charged_microusd <= spending.spent.microusd <= float(dollars) * 1_000_000
        assert spending.reserved == (0, 0)
        assert progress.budget_is_spent == (dollars != "2")
    assert summary.attempts == {"accepted": 24}


def test_a_refused_batch_costs_nothing_and_ends_the_job(
    annotate: Annotate, server: TeacherServer, store: Store
) -> None:
    server.refuses_batches = True
    with pytest.raises(TeacherError, match="refused batch"):
        annotate(**QUICK)
    summary = store.annotations.summaries()[-1]
    assert (summary.requests, summary.job.spending) == ({"refused": 24}, UNSPENT)
