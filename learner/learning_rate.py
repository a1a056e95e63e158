"""The learning rate schedule."""

import math

from learner.settings import PhaseSettings


def learning_rate(phase: PhaseSettings, step: int, total: int) -> float:
    """The rate at `step` (from 0) of `total`: linear warm-up, then constant or a cosine decay to `final_fraction`."""
    if step < phase.warmup_steps:
        return phase.learning_rate * (step + 1) / phase.warmup_steps
    if phase.schedule == "constant":
        return phase.learning_rate
    progress = (step - phase.warmup_steps) / max(1, total - phase.warmup_steps)
    cosine = (1 + math.cos(math.pi * progress)) / 2
    return phase.learning_rate * (phase.final_fraction + (1 - phase.final_fraction) * cosine)
