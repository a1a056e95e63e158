"""Precision and recall of the two measures that keep copies of held-out problems out of training.

    python tests/benchmarks/overlap.py [--data FOLDER] [--show N]

Needs the data beside the project. Prints a table by threshold for pairs that were read and labelled, then the share of
generated copies that is found, what an import of each training set leaves out, and how long it takes; `--show` prints
N of the template twins to read. Exits with code 1 if a copy with other numbers and names is not found.

The labels in `overlap_pairs.tsv`: `same`, also in other words; `twin`, the same problem with other numbers, names or
letters, solved by the same steps; `variant`, the same situation with another question; `other`. `same` and `twin` are
to be left out, `other` is not; `variant` counts for neither side, and is in a column of its own. The pairs are a sample
stratified by similarity, so that their precision is lower than that of an import.
"""

import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)

from store.problems.similarity import NEAR, TWIN, shingles, similarity, template_shingles  # noqa: E402
from store.problems.sources import import_problems  # noqa: E402
from store.records import ExclusionKind, Split  # noqa: E402
from store.settings import JsonlSettings  # noqa: E402
from store.store import Store  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
PAIRS = Path(__file__).with_name("overlap_pairs.tsv")
THRESHOLDS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
NAMES = [
    "Amara",
    "Bruno",
    "Chidi",
    "Dalia",
    "Elif",
    "Farid",
    "Greta",
    "Hiro",
    "Ines",
    "Jonas",
    "Kavya",
    "Lars",
    "Mina",
    "Noor",
    "Otto",
    "Priya",
]
COPIES = 200  # of each kind

type Measure = Callable[[str, str], float]


def wording(one: str, other: str) -> float:
    return similarity(shingles(one), shingles(other))


def template(one: str, other: str) -> float:
    left, right = template_shingles(one), template_shingles(other)
    return similarity(left, right) if left and right else 0.0


def rule(one: str, other: str) -> float:
    """1 if an import leaves the problem out."""
    return float(wording(one, other) >= NEAR or template(one, other) >= TWIN)


MEASURES: dict[str, Measure] = {"wording": wording, "template": template, "the rule": rule}


def read(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().split("\n") if line]


def labelled_pairs(data: Path) -> list[tuple[str, str, str]]:
    """(training question, test question, label)."""
    rows = [
        row for name in ("math", "gsm8k") for part in ("train", "test") for row in read(data / name / f"{part}.jsonl")
    ]
    questions = {row["id"].removesuffix(".json"): row["question"] for row in rows}
    lines = [line.split("\t") for line in PAIRS.read_text().splitlines() if not line.startswith("#")]
    return [(questions[train], questions[test], label) for train, test, label in lines]


def print_table(pairs: list[tuple[str, str, str]]) -> None:
    wanted = sum(label in ("same", "twin") for _, _, label in pairs)
    print(f"{len(pairs)} pairs read: {dict(Counter(label for _, _, label in pairs))}")
    print(f"{'measure':9} {'from':>5} {'precision':>9} {'recall':>7} {'variants':>9}")
    for name, measure in MEASURES.items():
        values = [(measure(one, other), label) for one, other, label in pairs]
        for threshold in THRESHOLDS if measure is not rule else (1.0,):
            found = Counter(label for value, label in values if value >= threshold)
            right = found["same"] + found["twin"]
            precision = right / (right + found["other"]) if right else 0.0
            print(f"{name:9} {threshold:5} {precision:9.2f} {right / wanted:7.2f} {found['variant']:9}")


def with_other_numbers(question: str, rng: random.Random) -> str:
    """The question with each number replaced by one of as many digits."""

    def other(found: re.Match[str]) -> str:
        digits = len(found[0])
        return str(rng.randrange(2, 10) if digits == 1 else rng.randrange(10 ** (digits - 1), 10**digits))

    return re.sub(r"\d+", other, question)


def with_other_names(question: str, rng: random.Random) -> str:
    """The question with each capitalised word that stands within a sentence replaced by a name."""
    names = sorted(set(re.findall(r"(?<=[a-z,] )([A-Z][a-z]+)\b", question)))[: len(NAMES)]
    others = dict(zip(names, rng.sample(NAMES, len(names)), strict=True))
    return re.sub(r"[A-Z][a-z]+", lambda found: others.get(found[0], found[0]), question)


def found_copies(data: Path) -> dict[str, tuple[float, float]]:
    """By kind of copy: the shares that the wording and the rule find."""
    rng = random.Random(3)
    shares: dict[str, tuple[float, float]] = {}
    for name in ("gsm8k", "svamp", "math"):
        questions = [row["question"] for row in read(data / name / "train.jsonl")]
        questions = [one for one in questions if re.search(r"\d", one) and template_shingles(one)]
        for kind in ("numbers", "numbers and names"):
            pairs = []
            for question in rng.sample(questions, COPIES):
                copy = with_other_names(question, rng) if kind != "numbers" else question
                pairs.append((question, with_other_numbers(copy, rng)))
            near = sum(wording(*pair) >= NEAR for pair in pairs) / COPIES
            shares[f"{name}, other {kind}"] = near, sum(rule(*pair) for pair in pairs) / COPIES
    return shares


def import_sets(data: Path, name: str, show: int) -> None:
    """Import a test set and a training set, and print what was left out and the time."""
    with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/store.db") as store:
        parts = {Split.HELDOUT: "test", Split.TRAIN: "train"}
        sources = [JsonlSettings(path=str(data / name / f"{part}.jsonl"), split=split) for split, part in parts.items()]
        started = time.process_time()
        report = import_problems(store.problems, sources)
        seconds = time.process_time() - started
        near = report.left_out - report.twins
        print(
            f"{name}: of {report.train + report.left_out} training problems {near} near-duplicates and {report.twins} "
            f"template twins left out, in {seconds:.1f} s of processor time"
        )
        twins = [one for one in store.problems.exclusions() if one.kind is ExclusionKind.TEMPLATE_TWIN]
        for one in random.Random(0).sample(twins, min(show, len(twins))):
            heldout = store.problems.get(one.heldout_id).question
            print(
                f"{one.similarity:.2f} {' '.join(one.question.split())[:300]}\n     {' '.join(heldout.split())[:300]}"
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--show", type=int, default=0, metavar="N")
    arguments = parser.parse_args()
    print_table(labelled_pairs(arguments.data))
    copies = found_copies(arguments.data)
    for kind, (near, both) in copies.items():
        print(f"{kind}: {near:.1%} found by the wording, {both:.1%} by the rule")
    for name in ("gsm8k", "math"):
        import_sets(arguments.data, name, arguments.show)
    return 0 if all(both == 1 for _, both in copies.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
