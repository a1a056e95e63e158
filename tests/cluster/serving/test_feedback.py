"""Collecting beside the answers: nothing waits for the store, and what cannot be kept is counted."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError

from cluster.serving.api.feedback import collector as collecting
from cluster.serving.api.feedback.collector import Collector
from cluster.serving.api.feedback.routes import feedback_routes
from cluster.serving.errors import ApiError, as_api_error
from store.errors import StoreUnreachableError
from store.feedback.feedback import Feedback
from store.records import CollectedAnswer, Completion, Rating, ReviewStatus
from store.store import Store

ANSWER = CollectedAnswer("so \\boxed{4}", "4", "stop", 1)


def completion(number: int, text: str = "2 + 2?") -> Completion:
    return Completion(f"chatcmpl-{number}", "m", ({"role": "user", "content": text},), {}, 1.0, (ANSWER,))


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/store.db"
    Store.open(url).close()
    return url


@pytest.fixture
async def collector(url: str) -> AsyncIterator[Collector]:
    made = Collector(lambda: Store.open(url), queue_size=4)
    await made.start()
    yield made
    await made.close()


def client(collector: Collector | None) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(feedback_routes(collector))

    @app.exception_handler(ApiError)
    async def on_error(_: Request, error: ApiError) -> Any:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: RequestValidationError) -> Any:
        return as_api_error(error.errors()).response()

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_a_rating_sent_right_after_the_answer_finds_it(collector: Collector, url: str) -> None:
    collector.offer(completion(1))
    async with client(collector) as asked:
        for rating in (-1, 1):
            reply = await asked.post("/v1/feedback", json={"id": "chatcmpl-1", "rating": rating, "comment": " good "})
            assert reply.status_code == 200
            assert reply.json()["rating"] == rating
        assert (await asked.get("/v1/feedback")).json() == {
            "object": "feedback", "collecting": True, "stored": 1, "waiting": 0, "dropped": 0,
        }  # fmt: skip
    with Store.open(url) as store:
        (found,) = store.feedback.collected(ReviewStatus.OPEN)
    assert (found.completion.answers[0].rating, found.completion.answers[0].comment) == (1, "good")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"id": "chatcmpl-2", "rating": 1}, 404, "no completion 'chatcmpl-2' was collected"),
        ({"id": "chatcmpl-1", "choice": 1, "rating": 1}, 404, "has 1 choices"),
        ({"id": "chatcmpl-1", "rating": 0}, 400, "rating: "),
        ({"id": "chatcmpl-1"}, 400, "rating is missing"),
        ({"id": "chatcmpl-1", "rating": 1, "stars": 5}, 400, "stars is not supported"),
        ({"id": "chatcmpl-1", "rating": 1, "answer": "1" * 1001}, 400, "answer: "),
        ({"id": "chatcmpl-1", "rating": 1, "comment": "a\0"}, 400, "NUL"),
    ],
)
async def test_a_rating_of_nothing_or_of_the_wrong_form_is_refused(
    collector: Collector, body: dict[str, Any], status: int, message: str
) -> None:
    collector.offer(completion(1))
    async with client(collector) as asked:
        reply = await asked.post("/v1/feedback", json=body)
    assert reply.status_code == status
    assert message in reply.json()["error"]["message"]


async def test_a_server_that_does_not_collect_says_how_it_would() -> None:
    async with client(None) as asked:
        assert (await asked.get("/v1/feedback")).json() == {"object": "feedback", "collecting": False}
        reply = await asked.post("/v1/feedback", json={"id": "chatcmpl-1", "rating": 1})
    assert reply.status_code == 404
    assert "automathes serve --collect" in reply.json()["error"]["message"]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set: the store is written again."""
    written, collect = threading.Event(), Feedback.collect

    def waiting(self: Feedback, new: Any) -> int:
        written.wait()
        return collect(self, new)

    monkeypatch.setattr(Feedback, "collect", waiting)
    return written


async def test_what_a_slow_store_leaves_no_room_for_is_dropped_and_counted(
    held: threading.Event, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.offer(completion(0))
    await asyncio.sleep(0.05)  # the writer has taken it
    for number in range(1, 7):
        collector.offer(completion(number))
    assert collector.dropped == 2
    assert "others wait for the store" in caplog.text
    held.set()
    await collector.rate(Rating("chatcmpl-4", 0, 1))
    assert (collector.stored, collector.waiting) == (5, 0)


async def test_ratings_are_limited_while_the_store_is_slow(
    held: threading.Event, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "MAX_RATINGS", 3)
    collector.offer(completion(1))
    rating = Rating("chatcmpl-1", 0, 1)
    waiting = [asyncio.create_task(collector.rate(rating)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(ApiError) as refused:
        await collector.rate(rating)
    assert refused.value.status == 429
    held.set()
    await asyncio.gather(*waiting)
    await collector.rate(rating)


async def test_a_store_that_fails_loses_completions_and_no_more(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Feedback, new: Any) -> int:
        raise StoreUnreachableError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Feedback, "collect", fail)
        collector.offer(completion(1))
        with pytest.raises(ApiError) as unknown:
            await collector.rate(Rating("chatcmpl-1", 0, 1))
    assert (unknown.value.status, collector.dropped) == (404, 1)
    collector.offer(completion(2))
    await collector.rate(Rating("chatcmpl-2", 0, 1))
    assert collector.failure is None


async def test_a_writer_that_has_failed_takes_no_answer_with_it(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: Feedback, new: Any) -> int:
        raise AssertionError("a defect")

    monkeypatch.setattr(Feedback, "collect", fail)
    collector.offer(completion(1))
    with pytest.raises(ApiError):
        await collector.rate(Rating("chatcmpl-1", 0, 1))
    collector.offer(completion(2))
    assert "a defect" in caplog.text
    assert collector.dropped == 1
    with pytest.raises(ApiError) as refused:
        await collector.rate(Rating("chatcmpl-2", 0, 1))
    assert refused.value.status == 503


async def test_a_completion_that_is_offered_twice_is_kept_once(collector: Collector, url: str) -> None:
    collector.offer(completion(1))
    collector.offer(completion(1))
    collector.offer(completion(2))
    await collector.rate(Rating("chatcmpl-2", 0, 1))
    with Store.open(url) as store:
        assert len(store.feedback.collected()) == 2


async def test_a_completion_that_is_too_long_is_not_kept(collector: Collector) -> None:
    collector.offer(completion(1, "x" * collecting.MAX_CHARS))
    collector.offer(replace(completion(2), answers=(replace(ANSWER, content="x" * collecting.MAX_CHARS),)))
    assert (collector.dropped, collector.waiting) == (2, 0)


async def test_what_waits_is_written_before_the_end(url: str) -> None:
    made = Collector(lambda: Store.open(url))
    await made.start()
    for number in range(100):
        made.offer(completion(number))
    await made.close()
    with Store.open(url) as store:
        assert store.feedback.counts()["unrated"] == 100
