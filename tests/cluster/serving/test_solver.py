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
from actors.rollouts.conversation import Message, Role
from actors.rollouts.rollout import End, Generation
from actors.settings import RolloutLimits
from cluster.config.serving import ServingSettings
from cluster.serving.api.app import make_app
from cluster.serving.api.guard import Access
from cluster.serving.errors import ApiError
from cluster.serving.metrics.serving_metrics import ServingMetrics
from cluster.serving.policies.sources import FolderSource
from cluster.serving.solving.slots import Slots
from cluster.serving.solving.solver import Solver
from cluster.serving.solving.text_request import TextRequest
from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama
from store.records import PolicySpan, Sampling

SMALL = {"num_layers": 1, "hidden_size": 64, "intermediate_size": 96, "num_heads": 2, "num_kv_heads": 1}
QUESTION = {"model": "automathes/demo", "messages": [{"role": "user", "content": "What is 3 * 7?"}]}


class FailingEngine:
    """Writes some text at once, then fails."""

    version = 1

    def __init__(self, codec: Codec, error: Exception) -> None:
        self._codec = codec
        self._error = error

    async def generate(
        self, context_ids: Any, max_tokens: int, sampling: Sampling, on_tokens: Any, **options: Any
    ) -> Generation:
        on_tokens(self._codec.text("The answer is"), ())
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
    return Solver(engine, sandbox, codec, RolloutLimits(max_tokens=100), 192, Slots(2, ServingSettings()))


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
        await solver.solve_all(states, [TextRequest(Sampling())] * 2, lambda index, event: None)
    assert caught.value.status == status
    assert solver.slots.in_flight == 0


@pytest.fixture
def serve(codec: Codec) -> Any:
    """A client of the application whose engine fails."""

    def serve(error: Exception) -> httpx.AsyncClient:
        solver = solver_of(codec, error)
        policy = SimpleNamespace(version=1, solver=solver, trained_sampling=Sampling(), on_gpu=False, value_model=None)
        policies: Any = SimpleNamespace(
            source=FolderSource(Path("demo")),
            config=SimpleNamespace(serving=ServingSettings()),
            slots=solver.slots,
            find=lambda name: policy,
            require_ready=lambda: None,
        )
        app = make_app(policies, Access(), ServingMetrics(policies))
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")

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


class WritingEngine:
    """Writes a turn, of which another version wrote the second half."""

    version = 2

    def __init__(self, codec: Codec) -> None:
        self._ids = tuple(codec.text("The answer is \\boxed{21}"))

    async def generate(
        self, context_ids: Any, max_tokens: int, sampling: Sampling, on_tokens: Any, *, in_pieces: bool, **others: Any
    ) -> Generation:
        for ids in [[token] for token in self._ids] if in_pieces else [self._ids]:
            on_tokens(ids, ())
        spans = (PolicySpan(1, 0, 3), PolicySpan(2, 3, len(self._ids)))
        return Generation(self._ids, spans, End.END_TOKEN)


@pytest.mark.parametrize("pieces", [False, True])
async def test_a_solution_comes_in_pieces_or_whole_and_names_the_versions_that_wrote_it(
    codec: Codec, pieces: bool
) -> None:
    engine, sandbox = WritingEngine(codec), None
    solver = Solver(engine, sandbox, codec, RolloutLimits(max_tokens=100), 192, Slots(1, ServingSettings()))  # type: ignore[arg-type]
    received: list[str] = []
    state = solver.new_rollout((Message(Role.USER, "What is 3 * 7?"),), None)

    request = TextRequest(Sampling(0.0), in_pieces=pieces)
    solution = await solver.solve(state, request, lambda piece: received.append(piece.text))

    assert "".join(received) == solution.content == "The answer is \\boxed{21}"
    assert (len(received) > 1) == pieces
    assert solution.policy_versions == (1, 2)


async def test_what_came_with_a_stop_text_from_beyond_it_is_no_part_of_the_solution(codec: Codec) -> None:
    """On a busy machine several tokens arrive at once."""
    made = solver_of(codec, RequestFailed(""))
    written = codec.text("The answer is")
    [solution] = await made.solve_all(
        [made.new_rollout("What is 3 * 7?", None)],
        [TextRequest(Sampling(), stops=("answer",))],
        lambda index, event: None,
    )
    assert solution.content == "The "
    assert codec.decode(written[: solution.completion_tokens]) == "The answer"
