"""The verdicts on support: on the handwritten solutions with their labels, on files of demonstrations, and on a store.

    python tests/benchmarks/support_verdicts.py [--demonstrations FILE:FORMAT ...] [--store URL]

Prints the verdicts by label, then for each source the number of solutions by rule and the processor time of a verdict,
and last the solutions that were judged unsupported, one a line, to be read.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "actors")]

from support.cases import CASES  # noqa: E402
from support.more_cases import MORE_CASES  # noqa: E402
from support.solutions import segments_of  # noqa: E402

from actors.formats import get_format  # noqa: E402
from actors.support import judge_support  # noqa: E402
from store.records import ExecutionRecord, Outcome, Purpose, Segment, SegmentKind, Support  # noqa: E402
from store.store import Store  # noqa: E402

_SHOWN_CHARS = 110


class Solution(NamedTuple):
    """What a verdict needs."""

    segments: Sequence[Segment]
    executions: Sequence[ExecutionRecord]
    answer: str | None
    question: str


def main() -> None:
    """Judge all sources that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demonstrations", nargs="*", default=[], metavar="FILE:FORMAT")
    parser.add_argument("--store", metavar="URL", help="its accepted training and evaluation rollouts")
    arguments = parser.parse_args()
    for name, cases in (("first batch", CASES), ("second batch", MORE_CASES)):
        pairs: Counter[tuple[str, str]] = Counter()
        for case in cases:
            verdict = judge_support(segments_of(case.solution, case.answer), (), case.answer, case.question)
            pairs[case.label.value, str(verdict.support)] += 1
        print(f"{name}, (label, verdict): {dict(pairs)}")
    for source in arguments.demonstrations:
        path, _, form = source.rpartition(":")
        report(Path(path).name, read_file(Path(path), form))
    if arguments.store:
        report("store", read_store(arguments.store))


def report(name: str, solutions: Iterable[Solution]) -> None:
    """Print the verdicts on one source."""
    rules: Counter[str | None] = Counter()
    unsupported = []
    seconds = 0.0
    for solution in solutions:
        began = time.process_time()
        support, rule = judge_support(*solution)
        seconds += time.process_time() - began
        rules[rule] += 1
        if support is Support.UNSUPPORTED:
            kept = [s.text for s in solution.segments if s.kind in (SegmentKind.CODE, SegmentKind.OUTPUT)]
            unsupported.append(f"  {rule}: {solution.answer!r} after {' => '.join(kept)[-_SHOWN_CHARS:]!r}")
    print(f"{name}: {dict(rules)}, {1e3 * seconds / max(rules.total(), 1):.2f} ms each")
    print("\n".join(unsupported))


def read_file(path: Path, form: str) -> Iterator[Solution]:
    """The solutions of a demonstrations file."""
    written = get_format(form)
    for line in path.read_text(encoding="utf-8").strip().split("\n"):  # a text may have other line separators
        row = json.loads(line)
        segments: list[Segment] = []
        for text, output in written.split_solution(row["solution"]):
            segments += written.split_turn(text)
            segments += [] if output is None else [Segment(SegmentKind.OUTPUT, output)]
        answers = [segment.text for segment in segments if segment.kind is SegmentKind.ANSWER]
        yield Solution(segments, (), answers[-1] if answers else None, row["question"])


def read_store(url: str) -> Iterator[Solution]:
    """The accepted rollouts of a store that policies wrote."""
    with Store.open(url, create=False) as store:
        for rollout in store.rollouts.iterate(outcome=Outcome.ACCEPTED):
            if rollout.purpose is not Purpose.DEMONSTRATION:
                question = store.problems.get(rollout.problem_id).question
                yield Solution(rollout.segments, rollout.executions, rollout.answer, question)


if __name__ == "__main__":
    main()
