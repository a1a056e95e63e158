"""Right and wrong solutions in the policy's tokens, and engines that train value models on them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from learner.settings import LearnerSettings, PhaseSettings
from learner.value.engine import ValueEngine
from learner.value.settings import ValueSettings
from store.records import Outcome, Purpose, Rollout

SHORT = PhaseSettings(steps=40, batch_size=16, warmup_steps=4, learning_rate=3e-3)


@pytest.fixture(scope="session")
def judged(rollout_of: Callable[[int, int], Rollout], tokenizer: Any) -> list[Rollout]:
    """A right and a wrong solution of each of sixty problems; the answer of the wrong ones is a dash."""
    found = []
    for a in range(3, 63):
        right = replace(rollout_of(a, 7), purpose=Purpose.TRAIN)
        boxed = tokenizer.encode("\\boxed{-}")
        ids = right.token_ids[: -len(tokenizer.encode(f"\\boxed{{{a * 7}}}")) - 1]
        wrong = replace(
            right,
            id=f"{right.id}-wrong",
            outcome=Outcome.WRONG,
            token_ids=(*ids, *boxed, tokenizer.eos_token_id),
            model_mask=(*right.model_mask[: len(ids)], *(True for _ in boxed), True),
            answer="-",
        )
        found += [right, wrong]
    return found


@pytest.fixture
def engine_of(base: Path) -> Iterator[Callable[..., ValueEngine]]:
    """A factory of engines on the base; closes them afterwards."""
    engines: list[ValueEngine] = []

    def make(folder: Path = base, learner: dict[str, Any] | None = None, **settings: Any) -> ValueEngine:
        value = ValueSettings(**({"validation_share": 0.0, "phase": SHORT} | settings))
        engines.append(ValueEngine(value, value.learner(LearnerSettings(threads=1, **(learner or {}))), folder))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()
