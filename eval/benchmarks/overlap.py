"""Overlap of training problems with benchmarks: which problems of an import are those of a benchmark, or nearly."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import batched
from pathlib import Path

from eval.benchmarks.catalogue import Catalogue
from eval.benchmarks.registry import BENCHMARKS
from store.records import ExclusionKind, Problem, Split

_BATCH = 512  # problems that are compared at a time
_EXAMPLES = 5
_QUESTION_CHARS = 60


class Overlap:
    """Counts the training problems that pass through `watch` and are similar to one of a benchmark.

    Similar as in `store.problems.similarity`: the same words or nearly, or the same but for numbers and names. Without
    a catalogue nothing is compared. `counts` are by benchmark and kind, `examples` the first few.
    """

    def __init__(self, catalogue: Catalogue | None) -> None:
        self._catalogue = catalogue
        self.counts: Counter[tuple[str, ExclusionKind]] = Counter()
        self.examples: list[str] = []

    def watch(self, problems: Iterator[Problem]) -> Iterator[Problem]:
        """Pass problems on, all of them, and count."""
        if self._catalogue is None:
            yield from problems
            return
        for batch in batched(problems, _BATCH):
            self._compare(self._catalogue, [problem for problem in batch if problem.split is Split.TRAIN])
            yield from batch

    def _compare(self, catalogue: Catalogue, problems: list[Problem]) -> None:
        nearest = catalogue.store.problems.nearest_heldout(problems)
        for problem in problems:
            found = nearest.get(problem.split_key)
            if found is None:
                continue
            self.counts[found.heldout_id.rpartition("-")[0], found.kind] += 1
            if len(self.examples) < _EXAMPLES:
                question = " ".join(problem.question.split())[:_QUESTION_CHARS]
                self.examples.append(f"{problem.id} is like {found.heldout_id} ({found.similarity:.2f}): {question}")

    def record(self) -> dict[str, dict[str, int]]:
        """The counts by benchmark and kind, for JSON."""
        return {
            name: {kind.value: self.counts[name, kind] for kind in ExclusionKind if self.counts[name, kind]}
            for name in BENCHMARKS
            if any(self.counts[name, kind] for kind in ExclusionKind)
        }

    def note(self) -> str | None:
        """What was found, in a sentence; None if there is no overlap."""
        if not self.counts:
            return None
        parts = [
            f"{counts.get(ExclusionKind.NEAR_DUPLICATE, 0):,} of {BENCHMARKS[name].title}"
            + (
                f" and {twins:,} with other numbers or names"
                if (twins := counts.get(ExclusionKind.TEMPLATE_TWIN))
                else ""
            )
            for name, counts in self.record().items()
        ]
        return (
            f"training problems that are those of a benchmark or nearly: {'; '.join(parts)}. A policy that trains on "
            f"them has seen the test. The first: {self.examples[0]}"
        )


@contextmanager
def watch_overlap(runs: Path) -> Iterator[Overlap]:
    """Compare with the benchmarks that were read beside these runs, for the time of the context."""
    catalogue = Catalogue.find(runs)
    if catalogue is None:
        yield Overlap(None)
        return
    with catalogue:
        yield Overlap(catalogue)
