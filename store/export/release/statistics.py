"""Statistics of the rows of a release, read from its files in batches."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyarrow import parquet

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_COLUMNS = ("source", "outcome", "support", "purpose", "policy_version", "iteration", "executions", "tokens")


@dataclass(slots=True)
class Statistics:
    """Numbers of rows by what they have in common. Their size is that of the distinct values, not of the rows."""

    sources: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    supports: Counter[str] = field(default_factory=Counter)
    purposes: Counter[str] = field(default_factory=Counter)
    policies: Counter[int | None] = field(default_factory=Counter)
    iterations: Counter[int | None] = field(default_factory=Counter)
    blocks: Counter[int] = field(default_factory=Counter)
    tokens: Counter[int] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row."""
        self.sources[row["source"]] += 1
        self.outcomes[row["outcome"]] += 1
        self.supports[row["support"] or "not judged"] += 1
        self.purposes[row["purpose"]] += 1
        self.policies[row["policy_version"]] += 1
        self.iterations[row["iteration"]] += 1
        self.blocks[len(row["executions"])] += 1
        self.tokens[row["tokens"]] += 1

    def to_json(self) -> dict[str, Any]:
        """The statistics as JSON, lengths as quantiles."""
        counts = {
            name: {"none" if key is None else str(key): count for key, count in getattr(self, name).most_common()}
            for name in ("sources", "outcomes", "supports", "purposes", "policies", "iterations", "blocks")
        }
        return {**counts, "tokens": {str(share): value for share, value in quantiles(self.tokens)}}


def quantiles(counts: Mapping[int, int], shares: Sequence[float] = QUANTILES) -> list[tuple[float, int]]:
    """(share, the smallest value that at least this share of all do not exceed), given the counts by value."""
    total, found = sum(counts.values()), []
    for share in shares:
        seen, value = 0, 0
        for value in sorted(counts):
            seen += counts[value]
            if seen >= share * total:
                break
        found.append((share, value))
    return found


def read_rows(folder: Path, columns: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
    """The rows of all shards in batches, with these columns only."""
    for path in sorted(folder.glob("data/*.parquet")):
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1_000, columns=list(columns)):
                yield batch.to_pylist()


def measure(folder: Path) -> Statistics:
    """The statistics of a folder with shards."""
    statistics = Statistics()
    for rows in read_rows(folder, _COLUMNS):
        for row in rows:
            statistics.add(row)
    return statistics
