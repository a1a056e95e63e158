"""The rule by difficulty against uniform sampling, without an engine: outcomes are drawn from known pass rates.

    python tests/benchmarks/scheduling_simulation.py --seeds 3

The store and the rules are real; instead of sampling, the counters of problems are changed as writers of rollouts would
change them. Prints, for each mix of problems, how many times as much `by_difficulty` yields per million tokens as
`uniform`: accepted solutions that differ from all others of their problem, and those among the first four of each
problem, which is what a selection with `max_per_problem = 4` trains on; with the range over the seeds.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from sqlalchemy import text  # noqa: E402

from store.database.connection import transaction  # noqa: E402
from store.records import Policy, Problem, Sampling, Split  # noqa: E402
from store.store import Store  # noqa: E402

USED = 4
UPDATE = """
UPDATE problems SET judged = judged + :judged, accepted = accepted + :accepted, solutions = solutions + :solutions,
    duplicates = duplicates + :accepted - :solutions, judged_tokens = judged_tokens + :tokens WHERE id = :id
"""


@dataclass(frozen=True)
class Kind:
    """Problems whose pass rates have a beta distribution, and improve by `gain` with each training.

    `new` is the probability that a further accepted solution of a problem differs from those known. Attempts have
    `tokens` if they are right, and `wrong_tokens` if not.
    """

    count: int
    beta: tuple[float, float] | None
    gain: float
    new: float
    tokens: int
    wrong_tokens: int
    source: str


@dataclass(frozen=True)
class Mix:
    """Problems, and the iterations that are made of them."""

    kinds: tuple[Kind, ...]
    problems: int
    samples: int
    iterations: int


@dataclass
class Yield:
    """What a run yielded."""

    solutions: int = 0
    used: int = 0
    tokens: int = 0


@dataclass
class World:
    """The true pass rates of all problems."""

    kinds: dict[str, Kind] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)


MIXES = {
    "the demo's: easy, fitting, hopeless by source": Mix(
        (
            Kind(480, (9, 1), 0.02, 0.03, 35, 35, "gcd"),
            Kind(480, (8, 2), 0.05, 0.03, 31, 31, "bits"),
            Kind(480, (4, 6), 0.15, 0.03, 40, 40, "lcm"),
            Kind(480, (4, 5), 0.15, 0.03, 34, 34, "products"),
            Kind(960, None, 0.0, 0.03, 40, 40, "equations"),
        ),
        problems=400,
        samples=4,
        iterations=2,
    ),
    "a language model's, by source": Mix(
        (
            Kind(3000, (11, 1), 0.01, 0.7, 300, 500, "easy"),
            Kind(3000, (4, 6), 0.05, 0.9, 500, 900, "fitting"),
            Kind(3000, (0.4, 6), 0.03, 0.9, 800, 1500, "hard"),
            Kind(3000, None, 0.0, 0.9, 800, 1800, "hopeless"),
        ),
        problems=1500,
        samples=8,
        iterations=4,
    ),
    "a language model's, all of one source": Mix(
        (
            Kind(3000, (20, 1), 0.01, 0.8, 500, 1200, "mathematics"),
            Kind(3000, (2, 3), 0.03, 0.8, 500, 1200, "mathematics"),
            Kind(3000, (0.3, 6), 0.03, 0.8, 500, 1200, "mathematics"),
            Kind(3000, None, 0.0, 0.8, 500, 1200, "mathematics"),
        ),
        problems=1500,
        samples=8,
        iterations=4,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print("| mix | new solutions | the first four of each problem |\n|---|---|---|")
    for name, mix in MIXES.items():
        pairs = [(run(mix, "uniform", seed), run(mix, "by_difficulty", seed)) for seed in range(options.seeds)]
        solutions = [ratio(base.solutions, base.tokens, other.solutions, other.tokens) for base, other in pairs]
        used = [ratio(base.used, base.tokens, other.used, other.tokens) for base, other in pairs]
        print(f"| {name} | {summary(solutions)} | {summary(used)} |", flush=True)


def ratio(base: int, base_tokens: int, other: int, other_tokens: int) -> float:
    return other / other_tokens / (base / base_tokens)


def summary(ratios: list[float]) -> str:
    return f"{sum(ratios) / len(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def run(mix: Mix, rule: str, seed: int) -> Yield:
    """Schedule and simulate all iterations of a mix."""
    rng, total = np.random.default_rng(seed), Yield()
    world = World()
    for number, kind in enumerate(mix.kinds):
        for i in range(kind.count):
            world.kinds[f"{number}-{i}"] = kind
            world.rates[f"{number}-{i}"] = 0.0 if kind.beta is None else rng.beta(*kind.beta)
    with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/store.db") as store:
        store.problems.add(
            Problem(name, f"question {name}", "1", kind.source, Split.TRAIN, name, template_twins="train")
            for name, kind in world.kinds.items()
        )
        store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
        for iteration in range(1, mix.iterations + 1):
            store.iterations.open(iteration, policy_version=1)
            store.iterations.schedule(iteration, mix.problems, mix.samples, Sampling(), rule, seed=seed + iteration)
            attempt(store, world, iteration, rng, total)
    return total


def attempt(store: Store, world: World, iteration: int, rng: np.random.Generator, total: Yield) -> None:
    """Draw the outcomes of an iteration's attempts, and count them as if they had been written."""
    query = """SELECT problem_id, samples, solutions FROM assignments JOIN problems ON problems.id = problem_id
        WHERE iteration = :iteration"""
    with transaction(store._database.engine, write=True) as session:
        changes = []
        for name, samples, known in session.execute(text(query), {"iteration": iteration}):
            kind, rate = world.kinds[name], world.rates[name]
            if rate:
                rate = min(rate + kind.gain * (iteration - 1), 0.98)
            right, solutions = int((rng.random(samples) < rate).sum()), 0
            for _ in range(right):
                solutions += known + solutions == 0 or rng.random() < kind.new
            tokens = right * kind.tokens + (samples - right) * kind.wrong_tokens
            total.solutions += solutions
            total.used += max(0, min(USED, known + solutions) - known)
            total.tokens += tokens
            changes.append({"id": name, "judged": samples, "accepted": right, "solutions": solutions, "tokens": tokens})
        session.execute(text(UPDATE), changes)
        session.execute(text("UPDATE assignments SET done = samples, completed_at = 0"))


if __name__ == "__main__":
    main()
