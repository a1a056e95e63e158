"""vLLM's scheduler, made to deal in turns: it ends them, and reports them whole.

By itself vLLM sends each token to the process that asked for it, which decodes it, looks for the stop text, and asks
the engine to end the request: a message for each token, and a token or two sampled for nobody. With hundreds of
requests under way that takes more processor time than a small policy's sampling. Here the engine finds the stop text
itself. It sends the tokens of a turn at the turn's end, and those of long turns once a second, for the watch over them.
Those of a turn that somebody reads meanwhile it sends in pieces: the first at once, and then as often as is read.
"""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from vllm.tokenizers import cached_tokenizer_from_config
from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.interface import PauseState
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.engine import EngineCoreOutput, EngineCoreOutputs
from vllm.v1.metrics.stats import SchedulerStats
from vllm.v1.outputs import LogprobsLists
from vllm.v1.request import Request, RequestStatus

from actors.engine.extensions.stop_text import StopText
from actors.engine.extensions.turn_arguments import is_streamed, stop_of

# vLLM's class is the base for type checking alone: each of the two schedulers below brings its own.
if TYPE_CHECKING:

    class _Base(Scheduler): ...
else:
    _Base = object

_REPORT_S = 1.0
_STREAM_S = 0.02  # a small policy samples faster; each piece costs the server's processes about a millisecond


@dataclass(slots=True)
class _HeldTokens:
    """The tokens of a request that were sampled and not yet sent, and when they are to be."""

    client: int
    every_s: float
    due_s: float
    token_ids: list[int] = field(default_factory=list)
    logprobs: list[LogprobsLists] = field(default_factory=list)

    def add(self, output: EngineCoreOutput) -> None:
        self.token_ids += output.new_token_ids
        if output.new_logprobs is not None:
            self.logprobs.append(output.new_logprobs)

    def put_into(self, output: EngineCoreOutput) -> EngineCoreOutput:
        """Make `output` one for all of them."""
        output.new_token_ids, self.token_ids = self.token_ids, []
        if self.logprobs:
            ids, logprobs, ranks, _ = zip(*self.logprobs, strict=True)
            output.new_logprobs = LogprobsLists(np.concatenate(ids), np.concatenate(logprobs), np.concatenate(ranks))
            self.logprobs = []
        return output


class _Turns(_Base):
    """Mixed into vLLM's schedulers. A request without the arguments of a turn is served as vLLM does."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._tokenizer = cached_tokenizer_from_config(self.vllm_config.model_config)
        self._stop_texts: dict[str, StopText] = {}
        self._held: dict[str, _HeldTokens] = {}
        self._load_due_s = 0.0

    def _update_request_with_output(
        self, request: Request, new_token_ids: list[int], **options: Any
    ) -> tuple[list[int], bool]:
        """Append sampled tokens to a request, up to the first that ends it."""
        stop = stop_of(request.sampling_params)
        if not stop:
            return super()._update_request_with_output(request, new_token_ids, **options)
        for count, token in enumerate(new_token_ids, 1):
            _, stopped = super()._update_request_with_output(request, [token], **options)
            if not stopped and self._stop_text(stop).is_completed_by_last(request.output_token_ids):
                request.status, request.stop_reason, stopped = RequestStatus.FINISHED_STOPPED, stop, True
            if stopped:
                return new_token_ids[:count], True
        return new_token_ids, False

    def update_from_output(self, *args: Any) -> dict[int, EngineCoreOutputs]:
        """Take in what a step sampled, and return what is to be sent."""
        made = super().update_from_output(*args)
        now_s = time.monotonic()
        for outputs in made.values():
            outputs.outputs = [output for output in outputs.outputs if self._is_due(output, now_s)]
        if self._is_paused:
            self._release_all(made)
        return {
            client: outputs
            for client, outputs in made.items()
            if outputs.outputs or outputs.scheduler_stats or outputs.finished_requests
        }

    def make_stats(self, *_: Any, **__: Any) -> SchedulerStats | None:
        """The load, once a second: vLLM would make all of its stats in every step, and count in every request."""
        now_s = time.monotonic()
        if now_s < self._load_due_s:
            return None
        self._load_due_s = now_s + _REPORT_S
        running, waiting = self.get_request_counts()
        return SchedulerStats(
            num_running_reqs=running, num_waiting_reqs=waiting, kv_cache_usage=self.kv_cache_manager.usage
        )

    def has_requests(self) -> bool:
        """Whether there is anything to do: once paused, vLLM's engine steps on until what is held is sent.

        So what is sent before new weights are loaded has the label of the weights that sampled it.
        """
        return super().has_requests() or (self._is_paused and any(held.token_ids for held in self._held.values()))

    def finish_requests(self, *args: Any) -> list[Request]:
        """End requests from outside."""
        finished = super().finish_requests(*args)
        for request in finished:
            self._held.pop(request.request_id, None)
        return finished

    @property
    def _is_paused(self) -> bool:
        return self.pause_state is not PauseState.UNPAUSED

    def _stop_text(self, text: str) -> StopText:
        if text not in self._stop_texts:
            self._stop_texts[text] = StopText(self._tokenizer, text)
        return self._stop_texts[text]

    def _is_due(self, output: EngineCoreOutput, now_s: float) -> bool:
        """Hold an output's tokens, or let it be sent with all that were held before."""
        held = self._held.get(output.request_id) or self._begin_to_hold(output.request_id, now_s)
        if held is None:
            return True
        held.add(output)
        if not output.finished and now_s < held.due_s:
            return False
        held.put_into(output)
        held.due_s = now_s + held.every_s
        if output.finished:
            del self._held[output.request_id]
        return True

    def _begin_to_hold(self, request_id: str, now_s: float) -> _HeldTokens | None:
        """Nothing yet of a turn that samples its first token; None for what is no turn."""
        request = self.requests.get(request_id)  # without one, it ended with its first token
        streamed = None if request is None else is_streamed(request.sampling_params)
        if streamed is None:
            return None
        every_s, due_s = (_STREAM_S, now_s) if streamed else (_REPORT_S, now_s + _REPORT_S)
        held = self._held[request_id] = _HeldTokens(request.client_index, every_s, due_s)
        return held

    def _release_all(self, made: dict[int, EngineCoreOutputs]) -> None:
        for request, held in self._held.items():
            if held.token_ids:
                output = held.put_into(EngineCoreOutput(request, []))
                made.setdefault(held.client, EngineCoreOutputs()).outputs.append(output)


class TurnScheduler(_Turns, Scheduler):
    """For engines that wait for each step."""


class AsyncTurnScheduler(_Turns, AsyncScheduler):
    """For engines that prepare a step while the one before it runs."""
