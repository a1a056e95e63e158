"""The catalogue: the problems of benchmarks that were read once, in a store of their own.

No run, training, scheduler or export ever opens it. A benchmark is read from a file or the Hub once; later evaluations
take it from here, and an import of training problems is compared with it (`overlap.py`).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from eval.benchmarks.benchmark import Benchmark
from eval.benchmarks.reading import read_benchmark
from store.errors import ProblemSourceError
from store.records import Problem, Split
from store.store import Store

FOLDER = "benchmarks"
"""The folder beside the runs that holds the catalogue and the attempts at benchmarks."""


def attempts_folder(runs: Path, name: str) -> Path:
    """The folder of the attempts of a run or model with this name."""
    return runs / FOLDER / name


class Catalogue:
    """The problems of benchmarks, in the store `problems.db`. Each benchmark is there as a whole, or not at all."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.store.close()

    @staticmethod
    def file(runs: Path) -> Path:
        """Where the catalogue of a folder of runs is."""
        return runs / FOLDER / "problems.db"

    @classmethod
    def open(cls, runs: Path) -> Self:
        """Open the catalogue beside the runs; the first time, make an empty one."""
        file = cls.file(runs)
        file.parent.mkdir(parents=True, exist_ok=True)
        return cls(Store.open(f"sqlite:///{file.absolute()}"))

    @classmethod
    def find(cls, runs: Path) -> Self | None:
        """Open the catalogue beside the runs, if there is one."""
        return cls.open(runs) if cls.file(runs).is_file() else None

    def counts(self) -> Mapping[str, int]:
        """The number of problems by benchmark."""
        return self.store.problems.counts_by_source()

    def read(self, benchmark: Benchmark, folder: Path | None) -> int:
        """Read a benchmark from its files in `folder`, or from the Hub, unless it is here already.

        Returns:
            The number of its problems.

        Raises:
            ProblemSourceError: it cannot be read, or what is here differs from the files in `folder`.
        """
        known = self.counts().get(benchmark.name, 0)
        if known and folder is None:
            return known
        if known:
            self._require_same(benchmark, folder, known)
            return known
        return self.store.problems.import_new(read_benchmark(benchmark, folder), benchmark.name).added

    def problems(self, benchmark: Benchmark, limit: int | None = None) -> Iterator[Problem]:
        """Stream the problems of a benchmark in an order that is random and always the same."""
        return self.store.problems.iterate(Split.HELDOUT, limit, benchmark.name)

    def _require_same(self, benchmark: Benchmark, folder: Path | None, known: int) -> None:
        """Compare what is here with the files: a score over other problems would not be comparable."""
        stored = {problem.id: problem.answer for problem in self.problems(benchmark)}
        given = {problem.id: problem.answer for problem in read_benchmark(benchmark, folder)}
        if stored == given:
            return
        differing = sum(stored.get(name) != answer for name, answer in given.items())
        raise ProblemSourceError(
            f"{benchmark.title}: {folder} has {len(given):,} problems, {differing:,} of which are not those of the "
            f"{known:,} that were read before, or have another answer: leave --data out to use those, or choose "
            "another folder of runs (--runs) for these"
        )
