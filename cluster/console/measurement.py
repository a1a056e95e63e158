"""The result of `automathes eval`, as a table or as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cluster.console.output import print_json
from eval.figure_text import absent, count, figure_points, incomplete, interval_points, omissions
from store.runs.figures import Figure, Measured


@dataclass(frozen=True, slots=True)
class Measurement:
    """An evaluation of a policy; its fields are the JSON keys. `figures` are by metric, as shares between 0 and 1.

    `n` problems have a score. `faults` and `undecided` count attempts, `unverifiable` problems (see `eval.metrics`).
    `value_model` is the version of the value model that best@k and weighted@k come from, if there is one.
    """

    run: str
    policy_version: int
    benchmark: str
    samples: int
    temperature: float
    n: int
    faults: int
    undecided: int
    unverifiable: int
    figures: Mapping[str, Figure]
    value_model: int | None = None


def print_measurement(measurement: Measurement, *, as_json: bool) -> None:
    """Print a measurement."""
    if as_json:
        print_json(asdict(measurement), indent=2)
        return
    mode = "greedy" if measurement.temperature == 0 else f"temperature {measurement.temperature:g}"
    attempts = "one attempt" if measurement.samples == 1 else f"{measurement.samples} attempts"
    console = Console()
    ranked = "" if measurement.value_model is None else f", chosen among by value model {measurement.value_model}"
    console.print(Text(f"policy v{measurement.policy_version} on held-out problems, {attempts} each, {mode}{ranked}"))
    console.print(_table(measurement.figures))
    for line in _notes(measurement):
        console.print(Text(line, style="yellow"))


def _table(figures: Mapping[str, Figure]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("metric", "% ± standard error", "95 % interval", "problems"):
        table.add_column(name, justify="left" if name == "metric" else "right", no_wrap=True)
    for name, figure in figures.items():
        problems = f"{figure.n:,}" + (f" of {figure.n + figure.missing:,}" if figure.missing else "")
        table.add_row(name, figure_points(figure), interval_points(figure), problems)
    return table


def _notes(measurement: Measurement) -> list[str]:
    measured = Measured(measurement.figures, measurement.undecided, measurement.unverifiable)
    notes = incomplete(measurement.figures)
    notes += absent(measured, measurement.samples) + omissions(measurement.undecided, measurement.unverifiable)
    if measurement.faults:
        are = "is" if measurement.faults == 1 else "are"
        notes.append(f"{count(measurement.faults, 'attempt')} ended in an infrastructure fault and {are} not counted")
    return notes
