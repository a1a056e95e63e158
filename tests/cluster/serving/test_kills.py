"""What a client sees when the database server stops, and when the engine or the replica is killed, one after the other.

Each test leaves a server that answers; at the end none of its processes is left.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from signal import SIGKILL, SIGSTOP
from typing import Any

import httpx
import openai
import pytest

from cluster.config.run_folder import RunFolder
from tests.store.postgresql_server import PostgresqlServer, find_binaries

from .server import (
    ENDLESS,
    FIRST,
    HEADERS,
    QUESTION,
    SECOND,
    TOKEN,
    Server,
    health,
    make_run,
    promote,
    serving,
    wait_until,
)

pytestmark = pytest.mark.slow

ENDED_S, RESTART_S = 60.0, 240.0
AWAY_S = 60.0
ASKED: Any = [{"role": "user", "content": QUESTION}]


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresqlServer]:
    if find_binaries() is None:
        pytest.skip("no PostgreSQL server is installed (initdb is neither under /usr/lib/postgresql nor on the PATH)")
    with PostgresqlServer("-c fsync=off") as started:
        yield started


@pytest.fixture(scope="module")
def run(database: PostgresqlServer, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run whose store is in the database."""
    path = tmp_path_factory.mktemp("runs") / "failing-1"
    return make_run(path, (FIRST, SECOND), [f"store.url={database.url}"])


@pytest.fixture(scope="module")
def server(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose parts may be killed."""
    with serving(run, tmp_path_factory.mktemp("serve")) as started:
        yield started


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    """OpenAI's client with its own retries."""
    return openai.OpenAI(base_url=server.url, api_key=TOKEN, timeout=RESTART_S)


def ask(client: openai.OpenAI) -> str:
    completion = client.chat.completions.create(model="automathes/failing-1", messages=ASKED, temperature=0)
    return completion.choices[0].message.content or ""


def seen(server: Server, *, stream: bool) -> tuple[int, str]:
    """The status and the text of the reply to a request that takes a minute, and the error that cut it, if one did."""
    body = {"messages": [{"role": "user", "content": ENDLESS}], "stream": stream}
    status, text = 0, ""
    try:
        with httpx.stream(
            "POST", f"{server.url}/chat/completions", json=body, headers=HEADERS, timeout=RESTART_S
        ) as reply:
            status = reply.status_code
            for piece in reply.iter_text():
                text += piece
    except httpx.TransportError as error:
        text += f" {type(error).__name__}"
    return status, text


def until_under_way(server: Server) -> None:
    wait_until(lambda: health(server.url)["in_flight"] == 2, ENDED_S, "both requests are under way")


def test_without_its_database_the_server_answers_and_promotions_are_followed_later(
    server: Server, client: openai.OpenAI, run: RunFolder, database: PostgresqlServer
) -> None:
    database.stop()
    try:
        until = time.monotonic() + AWAY_S
        while time.monotonic() < until:
            assert ask(client) == FIRST
    finally:
        database.start()
    promote(run, 2)
    wait_until(lambda: health(server.url)["policy_version"] == 2, ENDED_S, "policy 2 is served")
    assert ask(client) == SECOND


def test_a_killed_engine_is_a_503_until_another_answers(server: Server, client: openai.OpenAI) -> None:
    answer = ask(client)
    (engine,) = server.processes.engines()
    with ThreadPoolExecutor() as threads:
        engine.send_signal(SIGSTOP)  # so that the requests are under way when it is killed
        whole, streamed = (threads.submit(seen, server, stream=stream) for stream in (False, True))
        until_under_way(server)
        engine.send_signal(SIGKILL)
        assert whole.result()[0] == 503, whole.result()
        assert "the engine has died" in whole.result()[1]
        assert "the engine has died" in streamed.result()[1]
        assert "[DONE]" not in streamed.result()[1]
    assert ask(client.with_options(max_retries=20)) == answer
    (other,) = server.processes.engines()
    assert other != engine


def test_a_killed_replica_cuts_its_requests_and_later_ones_are_answered_by_the_next(
    server: Server, client: openai.OpenAI
) -> None:
    answer = ask(client)
    (engine,), (replica,) = server.processes.engines(), server.processes.replicas()
    with ThreadPoolExecutor() as threads:
        whole, streamed = (threads.submit(seen, server, stream=stream) for stream in (False, True))
        until_under_way(server)
        replica.send_signal(SIGKILL)
        assert whole.result()[0] >= 500, whole.result()
        assert "[DONE]" not in streamed.result()[1]
    assert ask(client.with_options(max_retries=20)) == answer
    assert replica not in server.processes.replicas()
    wait_until(lambda: engine not in server.processes.engines(), ENDED_S, "its engine ended with it")
