"""A run of the demo under faults that a seed chooses, and what must hold afterwards.

    python tests/chaos/run.py --seed 1 --faults 60 --iterations 10
    python tests/chaos/run.py --seed 1 --faults 60 --iterations 10 --store postgresql --samplers 4 --lead 2

Prints the seconds of recovery by kind of fault, then a line for each violation, and exits with 1 if there is one. The
same run undisturbed comes first, for its held-out pass@1 (`--undisturbed POINTS` takes a figure from before). About
half a minute for each fault. Run it on an idle machine: recoveries are limited in time.
"""

import argparse
import contextlib
import dataclasses
import logging
import signal
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).parents[2])  # in place of this folder

from tests.chaos.chaos import run_under_faults  # noqa: E402
from tests.chaos.faults import possible_kinds  # noqa: E402
from tests.chaos.report import print_outcome  # noqa: E402
from tests.chaos.run_settings import LIMITS, RunSettings  # noqa: E402
from tests.chaos.schedule import plan  # noqa: E402
from tests.store.postgresql_server import PostgresqlServer  # noqa: E402


def main() -> int:
    arguments = parse_arguments()
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", level=logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that nothing of the run outlives this process
    logging.getLogger("store").setLevel(logging.ERROR)
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(PostgresqlServer()) if arguments.store == "postgresql" else None
        settings = RunSettings(
            seed=arguments.seed, samplers=arguments.samplers, lead=arguments.lead, overrides=LIMITS,
            problems=arguments.problems, steps=arguments.steps, size=arguments.size,
        )  # fmt: skip
        undisturbed = arguments.undisturbed
        if undisturbed is None:
            calm = run_under_faults(_stored(settings, server, "calm"), [], arguments.iterations, server)
            print_outcome(calm)
            undisturbed = calm.points
        kinds = arguments.kinds or possible_kinds(has_server=server is not None)
        planned = plan(arguments.seed, arguments.faults, arguments.iterations, kinds)
        outcome = run_under_faults(_stored(settings, server, "chaos"), planned, arguments.iterations, server)
        outcome = dataclasses.replace(outcome, undisturbed=undisturbed)
    print_outcome(outcome)
    return 1 if outcome.failures else 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--seed", type=int, default=1)
    add("--faults", type=int, default=60)
    add("--iterations", type=int, default=10)
    add("--store", choices=("sqlite", "postgresql"), default="sqlite")
    add("--samplers", type=int, default=1)
    add("--lead", type=int, default=0, help="iterations by which sampling may be ahead of training")
    add("--problems", type=int, default=60, help="problems of an iteration, each sampled four times")
    add("--size", type=int, default=900, help="generated problems of each of two kinds")
    add("--steps", type=int, default=40, help="steps of training of an iteration")
    add("--kinds", nargs="+", choices=possible_kinds(has_server=True), help="only these kinds of faults")
    add("--undisturbed", type=float, metavar="POINTS", help="held-out pass@1 of an undisturbed run")
    return parser.parse_args()


def _stored(settings: RunSettings, server: PostgresqlServer | None, name: str) -> RunSettings:
    return settings if server is None else dataclasses.replace(settings, store_url=server.create_database(name))


if __name__ == "__main__":
    sys.exit(main())
