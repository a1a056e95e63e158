"""The label audit on GSM8K's training set, whose wrong labels are known, compared with a plain majority vote.

    python tests/benchmarks/audit.py [--seeds N] [--samples N] [--problems FILE] [--corrections FILE]

A simulated policy is right in four attempts of five; its attempts go through a store like those of a run. The kind of
its errors matters, so several are measured:

- slips: each attempt errs independently.
- favourites: a fifth of the problems have an error that up to 4 attempts in 10 make, the rest are slips.
- stubborn: the same, but up to 7 in 10. Then 8 of 8 attempts may repeat an error where the label is right.

In every second case, a wrong label is itself such a favourite error. The majority vote reports a label if at least half
of the attempts agree on another answer. Exits with code 1 if the audit misses its targets for slips or favourites: on
average over the seeds, at least 10 of the 12 wrong labels are found, and at most 3 right ones are reported.
"""

import argparse
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from sandbox.equivalence import Verdict, compare_plain  # noqa: E402
from store.labels.audit import AuditSettings  # noqa: E402
from store.records import (  # noqa: E402
    Assignment,
    ExecutionRecord,
    Outcome,
    Policy,
    PolicySpan,
    Problem,
    Rollout,
    Sampling,
    Segment,
    SegmentKind,
    Split,
    rollout_id,
)
from store.store import Store  # noqa: E402

DATA = ROOT.parent / "shared/data"
TARGET_FOUND, ALLOWED_FALSE = 10, 3
PROGRAMS = (
    "print({a} + {b})",
    "x = {a}\nprint(x + {b})",
    "x = {a}\ny = {b}\nprint(x + y)",
    "print(sum([{a}, {b}]))",
    "def total():\n    return {a} + {b}\nprint(total())",
    "parts = [{a}, {b}]\nprint(parts[0] + parts[1])",
)


@dataclass(frozen=True)
class Labelled:
    """A problem with its label and its true answer."""

    id: str
    question: str
    label: str
    truth: str


@dataclass(frozen=True)
class Style:
    """How a policy errs: a rate of slips, and a favourite error at some problems with a rate of up to
    `favourite_up_to`.
    """

    slips: float
    with_favourite: float = 0.0
    favourite_up_to: float = 0.0
    mistake_programs: int = len(PROGRAMS)


STYLES = {
    "slips": Style(0.2),
    "favourites": Style(0.165, 0.2, 0.4, mistake_programs=3),
    "stubborn": Style(0.14, 0.2, 0.7, mistake_programs=3),
}


def attempts(problem: Labelled, style: Style, count: int, seed: int, version: int) -> Iterator[tuple[str, str]]:
    """(code, answer) of some attempts of a simulated policy; all versions share their favourite errors."""
    habit, rng = random.Random(f"{seed} {problem.id}"), random.Random(f"{seed} {problem.id} {version}")
    favourite = _mistake(problem.truth, habit)
    if problem.label != problem.truth and habit.random() < 0.5:
        favourite = problem.label
    rate = habit.random() * style.favourite_up_to if habit.random() < style.with_favourite else 0.0
    for _ in range(count):
        if rng.random() < rate:
            yield _code(favourite, style.mistake_programs, rng), favourite
        elif rng.random() < style.slips:
            answer = _mistake(problem.truth, rng)
            yield _code(answer, len(PROGRAMS), rng), answer
        else:
            yield _code(problem.truth, len(PROGRAMS), rng), problem.truth


def _mistake(truth: str, rng: random.Random) -> str:
    value = float(re.sub(r"[^0-9.]", "", truth))  # one answer is a time of day, some have commas
    wrong = [value * 2, value + 1, value - 1, value / 2, value * 10, value + 10, value * 3, value + rng.randint(2, 9)]
    return f"{rng.choice([other for other in wrong if other != value]):.12g}"


def _code(answer: str, programs: int, rng: random.Random) -> str:
    """A program that prints the answer. Some programs are more frequent than others, as with real policies."""
    return PROGRAMS[min(int(rng.expovariate(0.5)), programs - 1)].format(a=answer.replace(",", ""), b=0)


def fill(store: Store, problems: Sequence[Labelled], style: Style, samples: int, seed: int) -> None:
    """Import the problems with their labels and add attempts of two policies at each."""
    by_id = {problem.id: problem for problem in problems}
    store.problems.add(Problem(p.id, p.question, p.label, "simulated", Split.TRAIN, p.id) for p in problems)
    for version in (1, 2):
        store.policies.add(Policy(store.policies.next_version(), None, f"policies/{version}"))
        store.iterations.open(version, version)
        store.iterations.schedule(version, len(problems), samples // 2, Sampling())
        while leased := store.assignments.lease("simulation", 500 * samples, 600).assignments:
            store.rollouts.add(
                rollout(assignment, sample, code, answer, version)
                for assignment in leased
                for sample, (code, answer) in enumerate(
                    attempts(by_id[assignment.problem.id], style, len(assignment.pending), seed, version)
                )
            )
        store.iterations.close(version, {})


def rollout(assignment: Assignment, sample: int, code: str, answer: str, version: int) -> Rollout:
    """An attempt whose code prints its answer, judged by the label."""
    return Rollout(
        rollout_id(assignment.id, sample),
        assignment.problem.id,
        assignment.purpose,
        Outcome.ACCEPTED if same(assignment.problem.answer, answer) else Outcome.WRONG,
        "tir",
        (1,),
        (2,),
        (True,),
        (PolicySpan(version, 0, 1),),
        (Segment(SegmentKind.CODE, code), Segment(SegmentKind.OUTPUT, answer), Segment(SegmentKind.ANSWER, answer)),
        (ExecutionRecord("ok", code, f"{answer}\n"),),
        answer,
        assignment.id,
    )


def same(expected: str, given: str) -> bool:
    """Whether the written forms are equal, which is sufficient for numbers."""
    return compare_plain(expected, given) is Verdict.EQUAL


def count(named: Mapping[str, str], problems: Sequence[Labelled]) -> tuple[int, int]:
    """(wrong labels reported with the true answer, right labels reported), from answers by problem id."""
    by_id = {problem.id: problem for problem in problems}
    found = sum(
        same(by_id[name].truth, answer) and by_id[name].truth != by_id[name].label for name, answer in named.items()
    )
    return found, sum(by_id[name].truth == by_id[name].label for name in named)


def majority(store: Store) -> dict[str, str]:
    """The baseline: answers other than the label on which at least half of a problem's attempts agree."""
    answers: dict[str, Counter[str]] = {}
    labels = {problem.id: problem.answer for problem in store.problems.iterate()}
    for one in store.rollouts.iterate():
        answers.setdefault(one.problem_id, Counter())[one.answer or ""] += 1
    named = {}
    for problem_id, votes in answers.items():
        answer, count = votes.most_common(1)[0]
        if 2 * count >= votes.total() and not same(labels[problem_id], answer):
            named[problem_id] = answer
    return named


def read_problems(problems: Path, corrections: Path) -> list[Labelled]:
    """GSM8K with its original labels and the known true answers."""
    rows = [json.loads(line) for line in _lines(corrections)]
    truths = {row["id"]: row["corrected_answer"] for row in rows if row["kind"] == "label"}
    found = [json.loads(line) for line in _lines(problems)]
    return [Labelled(row["id"], row["question"], row["answer"], truths.get(row["id"], row["answer"])) for row in found]


def _lines(file: Path) -> list[str]:
    """Not splitlines: questions may hold other line separators."""
    return file.read_text(encoding="utf-8").rstrip("\n").split("\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=8, help="attempts per problem, half by each of two policies")
    parser.add_argument("--problems", type=Path, default=DATA / "gsm8k/train.jsonl")
    parser.add_argument("--corrections", type=Path, default=DATA / "corrections/gsm8k.jsonl")
    arguments = parser.parse_args()
    problems = read_problems(arguments.problems, arguments.corrections)
    wrong = sum(problem.label != problem.truth for problem in problems)
    print(f"{len(problems):,} problems, {wrong} wrong labels, {arguments.samples} attempts each")
    print(f"{'errors':20}{'seed':>5}{'right':>8} | majority: found false | audit: found false  seconds")
    missed = []
    for name, style in STYLES.items():
        results = []
        for seed in range(arguments.seeds):
            with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/store.db") as store:
                fill(store, problems, style, arguments.samples, seed)
                rate = store.run.statistics().acceptance_rate or 0.0
                plain = count(majority(store), problems)
                began = time.perf_counter()
                proposals, _ = store.labels.audit(AuditSettings(), same)
                seconds = time.perf_counter() - began
            ours = count({proposal.problem_id: proposal.proposed_answer for proposal in proposals}, problems)
            print(
                f"{name:20}{seed:5}{rate:8.1%} | {plain[0]:15}{plain[1]:6} | {ours[0]:12}{ours[1]:6}{seconds:9.1f}",
                flush=True,
            )
            results.append(ours)
        found, false = (statistics.fmean(column) for column in zip(*results, strict=True))
        print(f"{name:20} mean: {found:.1f} of {wrong} found, {false:.1f} right labels reported")
        if name != "stubborn" and (found < TARGET_FOUND or false > ALLOWED_FALSE):
            missed.append(name)
    print("targets met" if not missed else f"targets missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
