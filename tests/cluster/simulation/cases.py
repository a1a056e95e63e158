"""Cases whose outcome can be computed by hand."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from cluster.simulation.case import Case, DecodeSpeed, Learner, Measuring, Samplers, Shape


@dataclass(frozen=True)
class Same:
    """Rollouts that are all alike."""

    shape: Shape

    def draw(self, _: Random) -> Shape:
        return self.shape


@dataclass(frozen=True)
class Various:
    """Rollouts of one to three turns of random lengths."""

    drawn: list[Shape] = field(default_factory=list)

    def draw(self, rng: Random) -> Shape:
        turns = rng.randint(1, 3)
        shape = Shape(
            10,
            tuple(rng.randint(5, 60) for _ in range(turns)),
            tuple(rng.expovariate(2.0) for _ in range(turns - 1)),
            (4,) * (turns - 1),
            0.05,
        )
        self.drawn.append(shape)
        return shape


def constant_speed(places: int, step_s: float) -> DecodeSpeed:
    """Every sequence is decoded at the same speed, however many there are."""
    return DecodeSpeed((step_s,) * (places + 1))


def make_case(**changes: Any) -> Case:
    """Two samplers of 8 places, 40 problems with 4 attempts each, 20 s of training; rollouts of 100 tokens in 10 s."""
    samplers: dict[str, Any] = {
        "count": 2,
        "speed": constant_speed(8, 0.1),
        "slots": 8,
        "sandbox_cores": 4,
        "write_interval_s": 0.0,
        "lookahead_s": 0.0,
        **changes.pop("samplers", {}),
    }
    learner: dict[str, Any] = {"ranks": 1, "train_s": (20.0,), **changes.pop("learner", {})}
    fields: dict[str, Any] = {
        "workload": Same(Shape(0, (100.0,))),
        "problems": 40,
        "samples_per_problem": 4,
        "iterations": 6,
        "lead": 0,
        "quorum": 1.0,
        "measuring": Measuring(),
        "poll_s": 0.05,
        **changes,
    }
    return Case(samplers=Samplers(**samplers), learner=Learner(**learner), **fields)
