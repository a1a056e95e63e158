"""Scheduling by difficulty against uniform sampling: what the same policy learns from as many attempts.

    python tests/benchmarks/scheduling.py --seeds 3

The problems are a third each easy, fitting and hopeless for the demo's policy after its warm start: tasks that it
solves mostly, sometimes, and never, as no demonstration shows how. Both rules start from the same problems, base
policy and demonstrations, make the same number of attempts in each of two iterations, and train for the same number of
steps. So the rule whose attempts are shorter has fewer tokens.

Prints a Markdown table: accepted solutions that differ from all others of their problem, per million sampled tokens;
their ratio; and the held-out greedy pass@1 in points of the warm start and of the policy after both trainings, each
with its 95 % interval. Exits with code 1 if the ratio over all seeds is below 1.5.
"""

import argparse
import math
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

TARGET = 1.5
COMMAND = str(Path(sys.executable).with_name("automathes"))
BASELINE, RULE = "uniform", "by_difficulty"
KINDS = {
    "easy": ('dataset = "gcd", config = { max_value = 99 }', 'dataset = "count_bits", config = { max_n = 999 }'),
    "fitting": (
        'dataset = "products", config = { min_digits = 1, max_digits = 2 }',
        'dataset = "lcm", config = { max_value = 99 }',
    ),
    "hopeless": ('dataset = "simple_equations"', 'dataset = "complex_arithmetic"'),
}
CONFIG = """
preset = "demo"
seed = {seed}
problems = [
    {problems}
]
evaluation = {{ problems = 700, base = false }}
iteration = {{ count = 2, problems = 400, samples_per_problem = 4, temperature = 0.8, scheduling = "{rule}" }}
promotion = {{ rule = "always" }}
ray = {{ dashboard = false }}
"""
SOLUTIONS = """
    SELECT iteration, count(*), sum(tokens), sum(outcome = 'accepted' AND place IS NOT NULL)
    FROM rollouts WHERE purpose = 'train' GROUP BY iteration ORDER BY iteration
"""
HELDOUT = """
    SELECT evaluations.policy_version, assignments.problem_id, rollouts.outcome = 'accepted'
    FROM evaluations JOIN assignments ON assignments.evaluation_id = evaluations.id
        JOIN rollouts ON rollouts.assignment_id = assignments.id
    WHERE evaluations.benchmark = 'heldout' AND rollouts.sample_index = 0
"""


@dataclass(frozen=True)
class Outcome:
    """A run: (attempts, tokens, new solutions) of each iteration, and which held-out problems each policy solves."""

    iterations: list[tuple[int, int, int]]
    heldout: list[dict[str, bool]]

    @property
    def tokens(self) -> int:
        return sum(tokens for _, tokens, _ in self.iterations)

    @property
    def solutions(self) -> int:
        return sum(solutions for _, _, solutions in self.iterations)

    @property
    def per_million(self) -> float:
        return 1e6 * self.solutions / self.tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmark-scheduling"))
    arguments = parser.parse_args()
    arguments.runs.mkdir(parents=True, exist_ok=True)
    print("| seed | rule | attempts | thousand tokens | new solutions, by iteration | per million tokens | pass@1 |")
    print("|---|---|---|---|---|---|---|", flush=True)
    pairs = [
        (run(seed, BASELINE, arguments.runs), run(seed, RULE, arguments.runs))
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    ]
    sys.exit(summarize(pairs))


def run(seed: int, rule: str, runs: Path) -> Outcome:
    """Run both iterations and print their row. A run that is complete is only read again."""
    folder = runs / f"{rule}-{seed}-1"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        config = runs / f"{rule}-{seed}.toml"
        lines = [
            f'{{ kind = "reasoning_gym", {task}, size = 600, heldout_fraction = 0.2, seed = {seed} }},'
            for tasks in KINDS.values()
            for task in tasks
        ]
        config.write_text(CONFIG.format(seed=seed, rule=rule, problems="\n    ".join(lines)))
        subprocess.run(
            [COMMAND, "run", "--config", str(config), "--name", f"{rule}-{seed}", "--runs", str(runs)],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        (folder / "complete").touch()
    outcome = read(folder)
    attempts = sum(attempts for attempts, _, _ in outcome.iterations)
    by_iteration = " + ".join(str(solutions) for _, _, solutions in outcome.iterations)
    accuracies = " → ".join(format_share(list(right.values())) for right in outcome.heldout)
    print(
        f"| {seed} | `{rule}` | {attempts:,} | {outcome.tokens / 1000:.0f} | {by_iteration} "
        f"| {outcome.per_million:,.0f} | {accuracies} |",
        flush=True,
    )
    return outcome


def read(folder: Path) -> Outcome:
    with closing(sqlite3.connect(f"file:{folder / 'store.db'}?mode=ro", uri=True)) as store:
        iterations = [(attempts, tokens, new) for _, attempts, tokens, new in store.execute(SOLUTIONS)]
        heldout: dict[int, dict[str, bool]] = {}
        for version, problem_id, right in store.execute(HELDOUT):
            heldout.setdefault(version, {})[problem_id] = bool(right)
    return Outcome(iterations, [heldout[version] for version in sorted(heldout)])


def summarize(pairs: Sequence[tuple[Outcome, Outcome]]) -> int:
    """Print the ratio and the difference in accuracy over all seeds; returns the exit code."""
    ratios = [second.per_million / first.per_million for first, second in pairs]
    total = [
        1e6 * sum(one.solutions for one in side) / sum(one.tokens for one in side) for side in zip(*pairs, strict=True)
    ]
    ratio = total[1] / total[0]
    print(f"\nnew solutions per million tokens: {ratio:.2f} times as many ({min(ratios):.2f} to {max(ratios):.2f})")
    differences = [
        int(other.heldout[-1][problem_id]) - int(right)
        for base, other in pairs
        for problem_id, right in base.heldout[-1].items()
    ]
    mean = sum(differences) / len(differences)
    deviation = math.sqrt(sum((one - mean) ** 2 for one in differences) / (len(differences) - 1))
    half = 196 * deviation / math.sqrt(len(differences))
    print(
        f"held-out pass@1 after both trainings: {100 * mean:+.1f} ± {half:.1f} points, paired over {len(differences)} "
        f"problems of {len(pairs)} seeds"
    )
    if ratio < TARGET:
        print(f"missed: the ratio is below {TARGET}")
    return int(ratio < TARGET)


def format_share(right: Sequence[bool]) -> str:
    """A share in points, with its 95 % interval."""
    share = sum(right) / len(right)
    return f"{100 * share:.1f} ± {196 * math.sqrt(share * (1 - share) / len(right)):.1f}"


if __name__ == "__main__":
    main()
