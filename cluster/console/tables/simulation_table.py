"""Tables of simulations: a line per number of GPUs, or a prediction beside the run that it rests on."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from cluster.console.output import print_line
from cluster.console.tables.columns import print_table
from cluster.simulation.search import TOLERANCE

_TITLES = {
    "iteration_s": "seconds",
    "tokens_per_s": "tokens/s",
    "engine_utilization": "engines",
    "learner_utilization": "learner",
}


def print_splits(console: Console, splits: Sequence[Mapping[str, Any]]) -> None:
    """Print a line per split; the records are those of `automathes plan --simulate --json`."""
    print_table(console, [_split_row(split) for split in splits])
    print_line("Seconds and cost of an iteration; the share of the time for which engines and learner were in use.")
    for split in splits:
        if split["used_gpus"] < split["gpus"]:
            idle = split["gpus"] - split["used_gpus"]
            limit = f"at most {100 * TOLERANCE:.0f} % faster"
            print_line(f"Of {split['gpus']:,} GPUs {idle:,} are left out: with them it would be {limit}.")


def print_comparison(console: Console, record: Mapping[str, Any]) -> None:
    """Print a prediction beside what the run measured, with its own numbers of samplers and lead."""
    predicted, measured, own = record["predicted"], record["measured"], record["measured_with"]
    print_table(
        console,
        [
            {
                "figure": title,
                _with("predicted", record): _text(name, predicted[name]),
                _with("measured", own): _text(name, measured[name]),
            }
            for name, title in _TITLES.items()
        ],
    )


def _with(word: str, settings: Mapping[str, Any]) -> str:
    count = settings["samplers"]
    return f"{word} ({count} sampler{'s' * (count > 1)}, lead {settings['lead']})"


def _split_row(split: Mapping[str, Any]) -> dict[str, str]:
    cost = {"GPU h": f"{split['gpu_hours']:,.1f}"}
    if split["cost"] is not None:
        cost = {"cost": f"{split['cost']:,.2f}"}
    return {
        split["gpu"]: f"{split['gpus']:,}",
        "samplers": str(split["samplers"]),
        "ranks": str(split["ranks"]),
        **{title: _text(name, split[name]) for name, title in _TITLES.items()},
        **cost,
        "limited by": split["limited_by"],
    }


def _text(name: str, value: float) -> str:
    if name.endswith("utilization"):
        return f"{100 * value:.0f} %"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
