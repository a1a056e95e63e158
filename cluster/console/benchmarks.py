"""What `automathes bench` prints: the list of benchmarks, and the tables of results."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from rich.console import Console

from cluster.console.output import print_json, print_line
from cluster.console.tables.columns import print_table
from eval.benchmarks.benchmark import Benchmark
from eval.benchmarks.quoted import QUOTED, SOURCE
from eval.benchmarks.registry import BENCHMARKS
from eval.benchmarks.results import BenchReport, to_record
from eval.benchmarks.tables import all_tables
from eval.tables.latex import to_latex
from eval.tables.markdown import to_markdown


def print_benchmarks(chosen: Sequence[Benchmark] | None, counts: Mapping[str, int], *, as_json: bool) -> None:
    """Print benchmarks, by default all; `counts` are the problems that were read, by benchmark."""
    benchmarks = chosen or list(BENCHMARKS.values())
    if as_json:
        print_json([_record(one, counts) for one in benchmarks], indent=2)
        return
    rows = [
        {
            "name": one.name,
            "problems": "" if one.size is None else f"{one.size:,}",
            "read": f"{counts[one.name]:,}" if one.name in counts else "",
            "rules": ", ".join(one.rules),
            "licence": one.licence,
            "data set": one.source,
        }
        for one in benchmarks
    ]
    print_table(Console(), rows, widest="data set")


def _record(benchmark: Benchmark, counts: Mapping[str, int]) -> dict[str, object]:
    return {
        "name": benchmark.name,
        "title": benchmark.title,
        "dataset": benchmark.dataset,
        "config": benchmark.config,
        "split": benchmark.split,
        "size": benchmark.size,
        "read": counts.get(benchmark.name, 0),
        "licence": benchmark.licence,
        "citation": benchmark.citation,
        "rules": benchmark.rules,
    }


def print_reports(reports: Sequence[BenchReport], form: str) -> None:
    """Print results as `markdown`, `latex` or `json`."""
    if form == "json":
        quoted = {"source": SOURCE, "rows": [asdict(row) for row in QUOTED]}
        print_json({"reports": [to_record(report) for report in reports], "quoted": quoted}, indent=2)
        return
    write = to_latex if form == "latex" else to_markdown
    print_line("\n".join(write(table) for table in all_tables(reports)))
