"""The result of `automathes eval`, as a table or as JSON."""

from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cluster.console.output import print_json


@dataclass(frozen=True, slots=True)
class Measurement:
    """An evaluation of a policy: shares between 0 and 1 by metric, over `n` problems. Its fields are the JSON keys."""

    run: str
    policy_version: int
    benchmark: str
    samples: int
    temperature: float
    n: int
    faults: int
    figures: dict[str, dict[str, float]]


def print_measurement(measurement: Measurement, *, as_json: bool) -> None:
    """Print a measurement."""
    if as_json:
        print_json(asdict(measurement), indent=2)
        return
    mode = "greedy" if measurement.temperature == 0 else f"temperature {measurement.temperature:g}"
    attempts = "one attempt" if measurement.samples == 1 else f"{measurement.samples} attempts"
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("standard error", justify="right")
    for name, figure in measurement.figures.items():
        table.add_row(name, f"{100 * figure['value']:.1f} %", f"{100 * figure['standard_error']:.1f}")
    console = Console()
    console.print(
        Text(f"policy v{measurement.policy_version} on {measurement.n} held-out problems, {attempts} each, {mode}")
    )
    console.print(table)
    if measurement.faults:
        console.print(
            Text(f"{measurement.faults} attempts ended in an infrastructure fault and are not counted", style="yellow")
        )
