"""Tables of simulations: a line per number of GPUs, or a prediction beside the run that it rests on."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from cluster.console.output import print_line
from cluster.console.tables.columns import print_table

_TITLES = {
    "iteration_s": "iteration",
    "tokens_per_s": "tokens/s",
    "engine_utilization": "engines",
    "learner_utilization": "learner",
}


def print_splits(console: Console, splits: Sequence[Mapping[str, Any]]) -> None:
    """Print a line per split; the records are those of `automathes plan --simulate --json`."""
    print_table(console, [_split_row(split) for split in splits], widest="limited by")
    print_line("Engines and learner: the share of the time in use. GPU h: of an iteration, by the GPUs of the split.")
    for split in splits:
        if split["used_gpus"] < split["gpus"]:
            idle = split["gpus"] - split["used_gpus"]
            print_line(f"Of {split['gpus']:,} GPUs {idle:,} are left out: with them it would be at most 2 % faster.")


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
    row = {
        split["gpu"]: f"{split['gpus']:,}",
        "samplers": str(split["samplers"]),
        "ranks": str(split["ranks"]),
        **{title: _text(name, split[name]) for name, title in _TITLES.items()},
        "GPU h": f"{split['gpu_hours']:,.1f}",
    }
    if split["cost"] is not None:
        row["cost"] = f"{split['cost']:,.2f}"
    return row | {"limited by": split["limited_by"]}


def _text(name: str, value: float) -> str:
    if name.endswith("utilization"):
        return f"{100 * value:.0f} %"
    return f"{value:,.0f} s" if name == "iteration_s" and value >= 100 else _speed(name, value)


def _speed(name: str, value: float) -> str:
    return f"{value:.1f} s" if name == "iteration_s" else f"{value:,.0f}"
