"""How often each promotion rule serves a policy that is worse, equal or better, simulated with the demo's own numbers.

    python tests/benchmarks/promotion.py                                  # the demo
    python tests/benchmarks/promotion.py --problems 500 --budget 1500     # the preset 7b

The first two tables are of a single decision, by the true difference of the two policies. `discordance` is the share of
problems that only one of two equal policies solves: neighbouring policies of the demo lose 3 to 5 in 100 problems, and
those of iterations a sixth as long 5 to 10 (counted in the stores of such runs). A gain adds to the gained problems.

The third is of whole runs: the demo's three iterations, with the gains of its five seeds, and then ten that change the
policy by a point at random. Problems are gained and lost at random, each policy trained from the one before.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc

from eval.looks import Looks
from eval.paired import p_of_score, score

DIFFERENCES = (-3, -2, -1, 0, 1, 2, 3, 5, 7, 10)  # points
SINGLE, RUNS = 20_000, 1_000
SEEDS = ((47.8, 68.0, 79.0, 84.2), (39.0, 55.8, 62.3, 69.5), (43.2, 59.5, 68.5, 75.5), (51.5, 64.2, 73.8, 80.0),
         (52.5, 67.0, 73.8, 75.2))  # pass@1 of the demo by iteration: docs/results.md  # fmt: skip
LOST = 0.04  # share of problems that a policy of the demo loses from one iteration to the next
PLATEAU, STEP = 10, 1.0  # further iterations, and the standard deviation of their true changes in points

type Counts = npt.NDArray[np.int64]
type Flags = npt.NDArray[np.bool_]
type Test = Callable[[Counts, Counts, int, float], Flags]


def greater(gained: Counts, lost: Counts, n: int, error: float) -> Flags:
    """The rule before this one: the figures themselves decide, and a tie promotes."""
    return gained >= lost


def better(gained: Counts, lost: Counts, n: int, error: float) -> Flags:
    return np.where(gained > 0, bdtrc(np.maximum(gained - 1, 0), gained + lost, 0.5), 1.0) <= error


def not_worse(margin: float) -> Test:
    return lambda gained, lost, n, error: score(gained, lost, n, -margin) >= critical_score(n, margin, error)


@lru_cache
def critical_score(n: int, margin: float, error: float) -> float:
    """The least score that passes the exact test, found by halving."""
    low, high = 0.0, 8.0
    while high - low > 1e-4:
        middle = (low + high) / 2
        low, high = (low, middle) if p_of_score(middle, n, -margin) <= error else (middle, high)
    return high


@dataclass(frozen=True)
class Rule:
    name: str
    test: Test
    confidence: float
    first: int
    budget: int

    def promotes(self, outcomes: Callable[[int], tuple[Counts, Counts]]) -> tuple[Flags, Counts]:
        """Whether each simulated policy is promoted, and on how many problems; `outcomes` are those of the first n."""
        looks = Looks.plan(self.first, self.budget)
        promoted, is_open, problems = np.False_, np.True_, np.array(0)
        for size in looks.sizes:
            gained, lost = outcomes(size)
            error = looks.error(size, 1 - self.confidence, is_last=size == looks.sizes[-1])
            passes = self.test(gained, lost, size, error)
            worse = self.test(lost, gained, size, error) if self.test is better else np.zeros_like(passes)
            problems = np.where(is_open, size, problems)
            promoted = promoted | (is_open & passes)
            is_open = is_open & ~passes & ~worse
        return promoted, problems


def rules(first: int, budget: int) -> Iterator[Rule]:
    yield Rule("figures alone (before)", greater, 0.5, first, first)
    for confidence in (0.8, 0.9, 0.95, 0.99):
        yield Rule(f"better, {100 * confidence:g} %", better, confidence, first, first)
    for confidence in (0.8, 0.9, 0.95):
        yield Rule(f"better, {100 * confidence:g} %, up to {budget}", better, confidence, first, budget)
    for margin in (0.01, 0.02, 0.03):
        name = f"not worse by {100 * margin:g}, 95 %, up to {budget}"
        yield Rule(name, not_worse(margin), 0.95, first, budget)


def single(discordance: float, chosen: Sequence[Rule]) -> None:
    """Print the probability of promotion in percent by the true difference in points."""
    print(f"\ndiscordance {100 * discordance:g} %: percent promoted, by the true difference in points\n")
    print(f"| rule | {' | '.join(f'{difference:+d}' for difference in DIFFERENCES)} | problems at 0 |")
    print(f"|---|{'---|' * (len(DIFFERENCES) + 1)}")
    for rule in chosen:
        shares, asked = [], 0.0
        for difference in DIFFERENCES:
            gain = discordance / 2 + max(difference, 0) / 100
            loss = discordance / 2 + max(-difference, 0) / 100
            promoted, problems = rule.promotes(pairs_of(gain, loss, rule.budget))
            shares.append(f"{100 * promoted.mean():.1f}")
            asked = problems.mean() if difference == 0 else asked
        print(f"| {rule.name} | {' | '.join(shares)} | {asked:.0f} |")


def pairs_of(gain: float, loss: float, budget: int) -> Callable[[int], tuple[Counts, Counts]]:
    """Counts of gained and lost problems of the first n, in many simulated comparisons."""
    rng, counts, seen = np.random.default_rng(0), np.zeros((SINGLE, 3), int), 0

    def outcomes(n: int) -> tuple[Counts, Counts]:  # called with rising n
        nonlocal seen, counts
        counts = counts + rng.multinomial(min(n, budget) - seen, (gain, loss, 1 - gain - loss), size=SINGLE)
        seen = n
        return counts[:, 0], counts[:, 1]

    return outcomes


def whole_runs(chosen: Sequence[Rule]) -> None:
    """Print what each rule makes of whole runs."""
    truth, solved = simulated_runs(max(rule.budget for rule in chosen))
    best = truth.max(axis=1)
    print(f"\nwhole runs: {truth.shape[1] - 1} iterations, {RUNS} runs of each of {len(SEEDS)} seeds\n")
    print("| rule | of the demo's 3 promoted | plateau: promotions a run | of them worse | served below the best |")
    print("|---|---|---|---|---|")
    for rule in chosen:
        served = np.zeros(len(truth), int)
        counts = np.zeros(3)  # promotions in the demo's iterations, later, and of them to a worse policy
        for candidate in range(1, truth.shape[1]):
            ours, theirs = solved[:, candidate], solved[np.arange(len(truth)), served]
            promoted, _ = rule.promotes(
                lambda n, a=ours, b=theirs: ((a & ~b)[:, :n].sum(axis=1), (b & ~a)[:, :n].sum(axis=1))
            )
            is_worse = truth[:, candidate] < truth[np.arange(len(truth)), served]
            late = candidate > len(SEEDS[0]) - 1
            counts += np.array([promoted.sum() * (not late), promoted.sum() * late, (promoted & is_worse).sum() * late])
            served = np.where(promoted, candidate, served)
        early, later, worse = counts / len(truth)
        below = 100 * (best - truth[np.arange(len(truth)), served]).mean()
        print(f"| {rule.name} | {early:.2f} | {later:.2f} | {worse:.2f} | {below:.2f} |")


def simulated_runs(problems: int) -> tuple[npt.NDArray[np.float64], Flags]:
    """True pass@1, shape (runs, policies), and which problems each policy solves, shape (runs, policies, problems)."""
    rng = np.random.default_rng(1)
    demo = np.repeat(np.array(SEEDS) / 100, RUNS, axis=0)
    steps = rng.normal(0, STEP / 100, (len(demo), PLATEAU)).cumsum(axis=1)
    truth = np.clip(np.hstack([demo, demo[:, -1:] + steps]), 0.02, 0.98)
    solved = np.empty((*truth.shape, problems), bool)
    solved[:, 0] = rng.random((len(demo), problems)) < truth[:, :1]
    for policy in range(1, truth.shape[1]):
        change = truth[:, policy] - truth[:, policy - 1]
        lost = np.maximum(LOST, LOST / 2 - change) / truth[:, policy - 1]
        gained = (np.maximum(LOST, LOST / 2 - change) + change) / (1 - truth[:, policy - 1])
        draws, before = rng.random((len(demo), problems)), solved[:, policy - 1]
        solved[:, policy] = np.where(before, draws >= lost[:, None], draws < gained[:, None])
    return truth, solved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=400, help="held-out problems of each evaluation")
    parser.add_argument("--budget", type=int, default=896, help="held-out problems in all; the demo has 896")
    arguments = parser.parse_args()
    started, chosen = time.monotonic(), list(rules(arguments.problems, arguments.budget))
    for discordance in (0.08, 0.16):
        single(discordance, chosen)
    whole_runs(chosen)
    print(f"\n{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
