"""A server under load adds a replica, which answers and follows promotions like the first."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from cluster.config.run_folder import RunFolder

from .server import ENDLESS, FIRST, HEADERS, QUESTION, SECOND, Server, make_run, promote, serving, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

SLOTS, REQUESTS = 2, 6
GROWN_S, FOLLOWED_S = 300.0, 60.0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run whose server may have two replicas with two slots each."""
    settings = [
        f"sampler.engine.max_concurrent_rollouts={SLOTS}",
        "serving.max_replicas=2",
        f"serving.queue_s={GROWN_S}",
    ]
    return make_run(tmp_path_factory.mktemp("runs") / "growing-1", (FIRST, SECOND), settings)


@pytest.fixture(scope="module")
def server(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(run, tmp_path_factory.mktemp("serve")) as started:
        yield started


def ask(server: Server, question: str) -> dict[str, str]:
    """The reply to a question: its model and its text."""
    body = {"messages": [{"role": "user", "content": question}], "temperature": 0}
    reply = httpx.post(f"{server.url}/chat/completions", json=body, headers=HEADERS, timeout=GROWN_S)
    found = reply.raise_for_status().json()
    return {"model": found["model"], "text": found["choices"][0]["message"]["content"]}


def ask_many(server: Server, question: str, pool: ThreadPoolExecutor) -> list[Future[dict[str, str]]]:
    return [pool.submit(ask, server, question) for _ in range(REQUESTS)]


def test_replicas_come_with_the_load_and_follow_promotions(server: Server, run: RunFolder) -> None:
    processes = server.processes
    with ThreadPoolExecutor(REQUESTS) as pool:
        assert len(processes.replicas()) == 1
        slow = ask_many(server, ENDLESS, pool)  # each sleeps for a minute in its code
        wait_until(lambda: len(processes.replicas()) == 2, GROWN_S, "a second replica")
        assert all(one.result()["model"] == "automathes/growing-1@v1" for one in slow), "none was lost meanwhile"
        promote(run, 2)

        def all_follow() -> bool:
            return all(one.result()["text"] == SECOND for one in ask_many(server, QUESTION, pool))

        # Each replica looks for promotions by itself, and Serve chooses which of them a request reaches.
        wait_until(lambda: all(all_follow() for _ in range(5)), FOLLOWED_S, "every replica serves version 2")
