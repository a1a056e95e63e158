"""A tiny policy, solutions in its tokens, and a store with them."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama
from store.records import Outcome, Problem, Purpose, Rollout, Segment, SegmentKind, Split
from store.store import Store

SMALLEST = TinyLlama(
    vocabulary_size=300, hidden_size=32, num_layers=2, intermediate_size=64, num_heads=2, num_kv_heads=1, head_size=16
)


def solution(a: int, b: int) -> list[tuple[str, bool]]:
    """The segments of a solution of a*b, each with a flag: did the policy write it?"""
    return [
        (f"```python\nprint({a}*{b})\n```", True),
        (f"\n```output\n{a * b}\n```\n", False),
        (f"\\boxed{{{a * b}}}", True),
    ]


def question(a: int, b: int) -> str:
    return f"What is {a}*{b}?\n"


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy of about ten thousand weights."""
    folder = tmp_path_factory.mktemp("policies") / "v000000"
    corpus = [question(a, 7) + "".join(text for text, _ in solution(a, 7)) for a in range(60)]
    make_base(SMALLEST, folder, corpus)
    return folder


@pytest.fixture(scope="session")
def tokenizer(base: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(base)


@pytest.fixture(scope="session")
def rollout_of(tokenizer: Any) -> Callable[[int, int], Rollout]:
    """A factory of the rollout that solves a*b, in the policy's tokens."""

    def make(a: int, b: int) -> Rollout:
        parts = [(tokenizer.encode(text), own) for text, own in solution(a, b)]
        parts.append(([tokenizer.eos_token_id], True))
        kinds = (SegmentKind.CODE, SegmentKind.OUTPUT, SegmentKind.ANSWER)
        return Rollout(
            id=f"demo-{a}x{b}",
            problem_id=f"problem-{a}x{b}",
            purpose=Purpose.DEMONSTRATION,
            outcome=Outcome.ACCEPTED,
            solution_format="tir",
            prompt_ids=tuple(tokenizer.encode(question(a, b))),
            token_ids=tuple(token for ids, _ in parts for token in ids),
            model_mask=tuple(own for ids, own in parts for _ in ids),
            segments=tuple(Segment(kind, text) for kind, (text, _) in zip(kinds, solution(a, b), strict=True)),
            answer=str(a * b),
        )

    return make


@pytest.fixture(scope="session")
def rollouts(rollout_of: Callable[[int, int], Rollout]) -> Sequence[Rollout]:
    """Sixty solutions of different lengths."""
    random.seed(0)
    return [rollout_of(random.randrange(10**digits), b) for digits in (1, 2, 4) for b in range(3, 23)]


@pytest.fixture(scope="session")
def training_set(tmp_path_factory: pytest.TempPathFactory, rollouts: Sequence[Rollout]) -> tuple[str, int]:
    """The URL of a store, and the id of a training set in it with all of `rollouts`."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}"
    with Store.open(url) as store:
        store.problems.add(
            Problem(r.problem_id, r.problem_id, r.answer or "", "test", Split.TRAIN, r.problem_id) for r in rollouts
        )
        store.rollouts.add(rollouts)
        return url, store.training_sets.select(policy_version=1)
