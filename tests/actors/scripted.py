"""An engine that follows a script, and helpers for tests that run it with a real store and a real sandbox."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from actors.rollouts.codec import Codec
from actors.rollouts.rollout import End, Generation
from actors.sampling.worker import RolloutWorker
from actors.settings import EngineSettings, RolloutLimits, SamplerSettings
from store.records import PolicyPointer, PolicySpan, Sampling, rollout_id
from store.store import Store

PROBLEMS, SAMPLES = 12, 3
ALL_IDS = {rollout_id(assignment, sample) for assignment in range(1, PROBLEMS + 1) for sample in range(SAMPLES)}
SETTINGS = SamplerSettings(
    lease_ttl_s=60.0,
    idle_poll_s=0.02,
    write_interval_s=0.01,
    store_retry_s=30.0,
    fault_pause_s=0.01,
    limits=RolloutLimits(max_tokens=400, max_blocks=2),
    engine=EngineSettings(max_concurrent_rollouts=8, max_model_len=600, seed_each_rollout=True),
)


Work = Callable[..., Any]  # the fixture `work`


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


class ScriptedEngine:
    """Answers the question `What is N + 0?` with `write(N, turn)`, while `may_answer` is set."""

    def __init__(self, codec: Codec, write: Callable[[int, int], Generation]) -> None:
        self._codec = codec
        self._write = write
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.num_requests = 0
        self.num_waiting = 0
        self.version = 1
        self.build = "scripted"
        self.token_at_s = time.monotonic()
        self.slowest_tokens_per_s: float | None = None
        self.asked: list[tuple[int, int]] = []  # (N, version) of each answer

    async def prefetch(self, policy: PolicyPointer) -> None:
        pass

    async def swap(self, policy: PolicyPointer) -> None:
        self.version = policy.version

    @property
    def clock_s(self) -> float:
        return time.monotonic()

    async def generate(
        self, context_ids: tuple[int, ...], max_tokens: int, sampling: Sampling, *, progress: Any = None
    ) -> Generation:
        self.num_requests += 1
        self.num_waiting += 1
        try:
            await self.may_answer.wait()
        finally:
            self.num_waiting -= 1
        self.token_at_s = time.monotonic()
        text = self._codec.decode(context_ids)
        number = re.search(r"What is (\d+) \+ 0\?", text)
        assert number is not None
        self.asked.append((int(number.group(1)), self.version))
        generation = self._write(int(number.group(1)), text.count("```output"))
        ids = generation.token_ids[:max_tokens]
        end = generation.end if ids == generation.token_ids else End.LIMIT
        logprobs = generation.logprobs and generation.logprobs[: len(ids)]
        return Generation(ids, (PolicySpan(self.version, 0, len(ids)),), end, logprobs)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the condition is not an event
            await asyncio.sleep(0.01)


def is_idle(worker: RolloutWorker) -> bool:
    """Whether nothing is queued, under way or unwritten."""
    return worker.held == 0


def is_done(store: Store) -> bool:
    done, scheduled = store.iterations.progress(1)
    return done == scheduled


def written_ids(store: Store) -> Counter[str]:
    return Counter(rollout.id for rollout in store.rollouts.iterate())
