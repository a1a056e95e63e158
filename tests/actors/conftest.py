"""Tokenizers with and without a chat template, hand-written turns of a policy, a sandbox, and a worker with a store."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.attempts.attempt import Attempter
from actors.formats import get_format
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import End, Generation
from actors.sampling.following import PolicyFollower
from actors.sampling.worker import LeaseTerms, RolloutWorker
from actors.settings import SamplerSettings
from learner.bases.tiny_llama import TinyLlama
from sandbox.equivalence import AnswerChecker
from sandbox.interpreter import Sandbox
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from store.records import Policy, PolicySpan, Problem, Sampling, Split
from store.runs.samplers import SamplerState
from store.store import Store

from .scripted import ALL_IDS, PROBLEMS, SAMPLES, SETTINGS, Clock, ScriptedEngine, Work

PLAIN_CHECKER = AnswerCheckerSettings(symbolic=False)
CHAT_TEMPLATE = (
    "{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


def corpus() -> list[str]:
    return [
        f"Question: What is {a} * {a + 1}?\nSolution:\n```python\nprint({a} * {a + 1})\n```\n"
        f"```output\n{a * (a + 1)}\n```\n\\boxed{{{a * (a + 1)}}}"
        for a in range(40)
    ]


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return TinyLlama().tokenizer(corpus())


@pytest.fixture(scope="session")
def chat_tokenizer() -> Any:
    tokenizer = TinyLlama().tokenizer(corpus())
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


@pytest.fixture
def codec(tokenizer: Any) -> Codec:
    return Codec(tokenizer, get_format("tir"))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(preload=(), block_wall_s=10)) as sandbox:
        yield sandbox


class PolicyTurns:
    """Turns given as text, in the form in which an engine returns them."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def stops(self, text: str, version: int = 1) -> Generation:
        """A turn that ends with the stop text."""
        return _generation(self._codec.text(text), version, End.STOP_TEXT)

    def ends(self, text: str, version: int = 1) -> Generation:
        """A turn that ends with the end token."""
        return _generation((*self._codec.text(text), self._codec.eos_id), version, End.END_TOKEN)

    def is_cut(self, text: str, version: int = 1) -> Generation:
        """A turn that a limit ended."""
        return _generation(self._codec.text(text), version, End.LIMIT)


def _generation(ids: Sequence[int], version: int, end: End) -> Generation:
    return Generation(tuple(ids), (PolicySpan(version, 0, len(ids)),), end)


@pytest.fixture
def policy(codec: Codec) -> PolicyTurns:
    return PolicyTurns(codec)


@pytest.fixture
def solves(policy: Any) -> Callable[[int, int], Generation]:
    """Writes a correct solution with one code block."""

    def write(number: int, turn: int) -> Generation:
        if turn == 0:
            return policy.stops(f"```python\nprint({number} + 0)\n```\n")  # type: ignore[no-any-return]
        return policy.ends(f"\\boxed{{{number}}}")  # type: ignore[no-any-return]

    return write


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "store.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def store(empty_store: Path, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """Twelve problems with three attempts each scheduled in iteration 1."""
    shutil.copy(empty_store, tmp_path / "store.db")
    with Store.open(f"sqlite:///{tmp_path}/store.db", clock=clock) as store:
        store.problems.add(
            Problem(f"p{n}", f"What is {n} + 0?", str(n), "test", Split.TRAIN, f"key-{n}") for n in range(PROBLEMS)
        )
        store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
        store.iterations.open(1, policy_version=1)
        assert store.iterations.schedule(1, PROBLEMS, SAMPLES, Sampling()) == len(ALL_IDS)
        yield store


@pytest.fixture
def work(store: Store, sandbox: Sandbox, codec: Codec) -> Work:
    """Runs a worker within a `with` block, then cancels it, as a stopping sampler does."""

    @asynccontextmanager
    async def work(
        engine: ScriptedEngine,
        owner: str = "first",
        settings: SamplerSettings = SETTINGS,
        checker_settings: AnswerCheckerSettings = PLAIN_CHECKER,
    ) -> AsyncIterator[RolloutWorker]:
        async with AnswerChecker(checker_settings) as checker:
            attempter = Attempter(engine, sandbox, checker, codec, settings)
            follower = PolicyFollower(engine, lambda: worker.evaluations_settled())
            worker = RolloutWorker(LeaseTerms(owner), store.assignments, store.rollouts, attempter, settings, follower)
            store.samplers.register(owner, "host")
            store.samplers.report(owner, SamplerState.SAMPLING, engine.version, progressed=True)
            async with asyncio.TaskGroup() as group:  # a worker that fails ends the block
                running = [group.create_task(worker.run()), group.create_task(follower.run())]
                yield worker
                for task in running:
                    task.cancel()

    return work
