"""Which faults strike, and when: drawn from a seed, so that a run that failed can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.faults import KINDS

DRIVER_KILLS = 6
WEIGHTS = {
    "sampler": 3,
    "engine core": 3,
    "nsjail": 3,
    "checker": 2,
    "learner rank": 3,
    "sampler stopped": 2,
    "rank stopped": 1,
    "postgresql": 3,
    "policies full": 2,
}
LAST_SHARE = 0.6  # of an iteration's rollouts: later faults might find it sampled already
SHARE_JOINED = 0.2
HELD_S = (2.0, 12.0)


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault that strikes when `share` of the rollouts of `iteration` are written, or later: at the first victim.

    `held_s` is for how long what can be given back stays away. A `joined` fault does not wait until the one before it
    has been recovered from.
    """

    kind: str
    iteration: int
    share: float
    held_s: float = 1.0
    joined: bool = False


def plan(seed: int, faults: int, iterations: int, kinds: Sequence[str]) -> list[Planned]:
    """Draw `faults` faults, spread evenly over the iterations.

    The driver is killed `DRIVER_KILLS` times if there are ten times as many faults, else in proportion; every other
    kind comes at least once if there are enough faults.
    """
    draw = random.Random(seed)
    names = _draw_kinds(draw, faults, [kind for kind in kinds if kind in WEIGHTS], has_driver="driver" in kinds)
    planned = [_place(draw, name, 1 + number * iterations // faults) for number, name in enumerate(names)]
    return sorted(planned, key=lambda fault: (fault.iteration, fault.share))


def _draw_kinds(draw: random.Random, faults: int, kinds: Sequence[str], *, has_driver: bool) -> list[str]:
    kills = min(DRIVER_KILLS, max(1, faults // 10)) if has_driver else 0
    names = ["driver"] * kills + list(kinds)[: faults - kills]
    names += draw.choices(kinds, [WEIGHTS[kind] for kind in kinds], k=faults - len(names))
    draw.shuffle(names)
    return names


def _place(draw: random.Random, name: str, iteration: int) -> Planned:
    # What strikes while the learner trains comes after all that strikes while its iteration is sampled.
    share = 1.0 if KINDS[name].work != "judged" else round(draw.uniform(0.05, LAST_SHARE), 3)
    return Planned(name, iteration, share, round(draw.uniform(*HELD_S), 1), draw.random() < SHARE_JOINED)
