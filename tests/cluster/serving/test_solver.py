"""Solutions of the server where the engine fails: the request ends with an error, never with a silent answer."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from actors.engine import EngineDied, RequestFailed
from actors.formats import get_format
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import Generation
from actors.settings import RolloutLimits
from cluster.serving.app import make_app
from cluster.serving.errors import ApiError
from cluster.serving.solver import Solver
from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama
from store.records import Sampling

SMALL = {"num_layers": 1, "hidden_size": 64, "intermediate_size": 96, "num_heads": 2, "num_kv_heads": 1}
QUESTION = {"model": "automathes/demo", "messages": [{"role": "user", "content": "What is 3 * 7?"}]}


class FailingEngine:
    """Writes some text, then fails."""

    def __init__(self, codec: Codec, error: Exception) -> None:
        self._codec = codec
        self._error = error

    async def generate(
        self, context_ids: Any, max_tokens: int, sampling: Sampling, on_tokens: Any, *, progress: Any = None
    ) -> Generation:
        on_tokens(self._codec.text("The answer is"))
        await asyncio.sleep(0)
        raise self._error


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    folder = tmp_path_factory.mktemp("policies") / "1"
    make_base(TinyLlama(**SMALL), folder, ["Question: What is 3 * 7?\nSolution:\nThe answer is \\boxed{21}"] * 40)
    return Codec.from_folder(folder, get_format("tir"))


def solver_of(codec: Codec, error: Exception) -> Solver:
    engine: Any = FailingEngine(codec, error)
    sandbox: Any = None  # no code is run
    return Solver(engine, sandbox, codec, RolloutLimits(max_tokens=100), 192)


FAILURES = [
    (RequestFailed("vLLM ended the request with the reason 'abort'"), 500, "the reason 'abort'"),
    (EngineDied("vLLM's engine has died"), 503, "the engine has died"),
]


@pytest.mark.parametrize(("error", "status", "message"), FAILURES)
async def test_a_failure_of_the_engine_is_an_error_of_the_request(
    codec: Codec, error: Exception, status: int, message: str
) -> None:
    solver = solver_of(codec, error)
    states = [solver.new_rollout("What is 3 * 7?", None) for _ in range(2)]
    with pytest.raises(ApiError, match=message) as caught:
        await solver.solve_all(states, Sampling(), lambda index, event: None)
    assert caught.value.status == status
    assert solver.in_flight == 0


@pytest.fixture
def serve(codec: Codec) -> Any:
    """A client of the application whose engine fails."""

    def serve(error: Exception) -> httpx.AsyncClient:
        iteration = SimpleNamespace(temperature=0.8, top_p=1.0)
        policy: Any = SimpleNamespace(
            folder=SimpleNamespace(path=Path("demo")),
            version=1,
            solver=solver_of(codec, error),
            config=SimpleNamespace(iteration=iteration),
        )
        return httpx.AsyncClient(transport=httpx.ASGITransport(make_app(policy)), base_url="http://test")

    return serve


@pytest.mark.parametrize(("error", "status", "message"), FAILURES)
async def test_a_response_has_the_status_and_the_message(
    serve: Any, error: Exception, status: int, message: str
) -> None:
    async with serve(error) as client:
        response = await client.post("/v1/chat/completions", json=QUESTION)
    assert response.status_code == status
    assert response.json()["error"]["type"] == "server_error"
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize(("error", "status", "message"), FAILURES)
async def test_a_stream_ends_with_the_error_and_not_as_a_whole_solution(
    serve: Any, error: Exception, status: int, message: str
) -> None:
    async with serve(error) as client:
        response = await client.post("/v1/chat/completions", json={**QUESTION, "stream": True})
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    assert "[DONE]" not in events
    *chunks, last = [json.loads(event) for event in events]
    assert {choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]} == {None}
    assert message in last["error"]["message"]
