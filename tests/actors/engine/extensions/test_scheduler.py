"""The scheduler that deals in turns: what it holds, and when it sends it. Ends of turns: a real engine."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from vllm.v1.core.sched.interface import PauseState
from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs, FinishReason
from vllm.v1.outputs import LogprobsLists

from actors.engine import PolicyEngine
from actors.engine.extensions import scheduler as module
from actors.engine.extensions.turn_arguments import turn_arguments
from store.records import Sampling

from ..conftest import LONG, around, pointer


class Steps:
    """In place of vLLM's scheduler: a step's outputs are given to it."""

    def __init__(self) -> None:
        self.vllm_config = SimpleNamespace(model_config=None)
        self.pause_state = PauseState.UNPAUSED
        self.requests: dict[str, Any] = {}

    def update_from_output(self, outputs: list[EngineCoreOutput]) -> dict[int, EngineCoreOutputs]:
        return {0: EngineCoreOutputs(outputs=outputs)} if outputs else {}

    def has_requests(self) -> bool:
        return False

    def finish_requests(self, names: list[str]) -> list[Any]:
        return [self.requests.pop(name) for name in names]


class TurnSteps(module._Turns, Steps):
    def step(self, *outputs: EngineCoreOutput) -> list[tuple[str, list[int]]]:
        """The tokens that are sent at the end of a step, by request."""
        made = self.update_from_output(list(outputs))
        return [(output.request_id, output.new_token_ids) for sent in made.values() for output in sent.outputs]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> TurnSteps:
    monkeypatch.setattr(module, "cached_tokenizer_from_config", lambda _: None)
    turns = TurnSteps()
    for name, streamed in (("a", False), ("b", False), ("streamed", True)):
        params = SimpleNamespace(extra_args=turn_arguments("stop", streamed=streamed))
        turns.requests[name] = SimpleNamespace(request_id=name, client_index=0, sampling_params=params)
    turns.requests["no turn"] = SimpleNamespace(
        request_id="no turn", client_index=0, sampling_params=SimpleNamespace(extra_args=None)
    )
    return turns


def token(request: str, number: int, *, last: bool = False) -> EngineCoreOutput:
    one = LogprobsLists(np.array([[number]]), np.array([[-number / 10]]), np.array([0]))
    return EngineCoreOutput(request, [number], one, finish_reason=FinishReason.STOP if last else None)


def test_the_tokens_of_a_turn_are_sent_when_it_ends(turns: TurnSteps) -> None:
    assert turns.step(token("a", 1), token("b", 11)) == []
    assert turns.step(token("a", 2), token("b", 12, last=True)) == [("b", [11, 12])]
    assert turns.step(token("a", 3, last=True)) == [("a", [1, 2, 3])]


def test_with_their_log_probabilities(turns: TurnSteps) -> None:
    turns.step(token("a", 1))
    turns.step(token("a", 2))
    [sent] = turns.update_from_output([token("a", 3, last=True)])[0].outputs
    assert sent.new_logprobs is not None
    assert sent.new_logprobs.logprobs.tolist() == [[-0.1], [-0.2], [-0.3]]
    assert sent.new_logprobs.logprob_token_ids.tolist() == [[1], [2], [3]]


def test_a_turn_of_one_token_is_sent_though_its_request_is_gone(turns: TurnSteps) -> None:
    del turns.requests["a"]
    assert turns.step(token("a", 1, last=True)) == [("a", [1])]


def test_the_first_token_of_a_stream_and_what_is_no_turn_is_sent_at_once(turns: TurnSteps) -> None:
    assert turns.step(token("streamed", 1), token("no turn", 2)) == [("streamed", [1]), ("no turn", [2])]


def test_later_tokens_of_a_stream_are_sent_in_pieces(turns: TurnSteps, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 0.005, 0.015, 0.03, 0.035, 0.04])
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(now)))
    sent = [turns.step(token("streamed", number, last=number == 5)) for number in range(6)]
    pieces = [[0], [], [], [1, 2, 3], [], [4, 5]]
    assert sent == [[("streamed", piece)] if piece else [] for piece in pieces]


def test_a_step_without_anything_to_send_sends_no_message(turns: TurnSteps) -> None:
    assert turns.update_from_output([token("a", 1)]) == {}


def test_a_long_turn_is_reported_while_it_lasts(turns: TurnSteps, monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 0.5, 1.2, 1.3])
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: next(now)))
    assert [turns.step(token("a", number)) for number in range(4)] == [[], [], [("a", [0, 1, 2])], []]


def test_a_pause_sends_what_is_held_before_it_is_complete(turns: TurnSteps) -> None:
    turns.step(token("a", 1), token("b", 11))
    turns.pause_state = PauseState.PAUSED_ALL
    assert turns.has_requests()
    assert turns.step() == [("a", [1]), ("b", [11])]
    assert not turns.has_requests()
    turns.pause_state = PauseState.UNPAUSED
    assert turns.step(token("a", 2, last=True)) == [("a", [2])]


def test_a_request_that_is_ended_from_outside_leaves_nothing(turns: TurnSteps) -> None:
    turns.step(token("a", 1), token("b", 11))
    turns.finish_requests(["a"])
    turns.pause_state = PauseState.PAUSED_ALL
    assert turns.step() == [("b", [11])]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_turn_ends_with_the_token_that_completes_the_stop_text(
    vllm: Any, engine: PolicyEngine, policies: dict[int, Path], contexts: list[tuple[int, ...]], codec: Any
) -> None:
    """Sampled whole or streamed; compared with what the same policy writes where nothing stops it."""
    context, greedy = contexts[0], Sampling(0.0)
    unstopped = (await engine.generate(context, 200, greedy)).token_ids
    text = codec.decode(unstopped)
    stop = text[len(text) // 2 :][:2]
    expected = next(unstopped[:n] for n in range(1, 201) if stop in codec.decode(unstopped[:n]))
    assert stop
    async with around(vllm, pointer(policies[1], 1), LONG, stop=stop) as engine:
        streamed: list[int] = []
        whole = await engine.generate(context, 200, greedy)
        assert (
            await engine.generate(context, 200, greedy, lambda ids, _: streamed.extend(ids))
        ).token_ids == whole.token_ids
    assert tuple(streamed) == whole.token_ids == expected
