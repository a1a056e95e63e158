"""The parser of `automathes plan`."""

import argparse
from pathlib import Path

from cluster.parsers.common import Commands, add_command, add_config_options, add_run_options, count


def add_plan(commands: Commands) -> None:
    """The parser of `automathes plan`."""
    parser = add_command(
        commands,
        "plan",
        "planning:plan",
        "plan a run: its memory on this machine, or by simulation its speed and cost on GPUs that are not here",
        """automathes plan --preset 7b
         automathes plan --simulate --gpus 64
         automathes plan --simulate --gpus 8,64,256 --gpu A100 --price 1.80 --set iteration.lead=2
         automathes plan --simulate --run runs/demo-1 --samplers 3 --lead 1""",
    )
    add_config_options(parser, "demo, smollm2 or 7b (default with --simulate: 7b, or the run's own settings)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    add_run_options(parser)
    simulated = parser.add_argument_group("simulation")
    add = simulated.add_argument
    add("--simulate", action="store_true", help="simulate the loop; --run: with what a finished run measured")
    add("--gpus", type=_counts, metavar="N[,N...]", help="GPUs to divide into samplers and learner ranks")
    add("--gpu", default="H100", metavar="KIND", help="H200, H100, A100 or L4 (default: H100)")
    add("--price", type=float, metavar="AMOUNT", help="of a GPU for an hour, in any currency, for the cost")
    add("--samplers", type=_positive, metavar="N", help="samplers (default: the best number, or the run's own)")
    add("--ranks", type=_positive, metavar="N", help="learner ranks (default: the best number)")
    add("--lead", type=count, metavar="K", help="iterations by which sampling may be ahead (default: as configured)")
    add("--iterations", type=_positive, metavar="N", help="iterations to simulate (default: 5, or the run's own)")
    add("--assume", type=Path, metavar="FILE", help="TOML file that replaces assumptions (docs/scale.md lists them)")


def _positive(text: str) -> int:
    number = count(text)
    if not number:
        raise argparse.ArgumentTypeError("0 is not an integer of 1 or more")
    return number


def _counts(text: str) -> list[int]:
    return [_positive(word) for word in text.split(",")]
