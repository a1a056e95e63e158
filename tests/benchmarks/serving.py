"""How the server holds under load: its throughput beside vLLM's own server, and its answers while policies are swapped.

    python tests/benchmarks/serving.py [--parts throughput model load] [--clients 16] [--rounds 3] [--minutes 5]

- throughput: plain completions, without code, of ours and of vLLM's own OpenAI server, with the same policy, engine
  settings, prompts and clients; alternately in every round, whole and streamed. "server" and "engine" are milliseconds
  of processor time a request, which other work on the machine changes less than the wall clock. Prints how many times
  more requests a second vLLM's serves.
- model: the same with an untrained policy of 85 million parameters.
- load: clients that ask for solutions with code and for completions, streamed and not, without a pause: beside a
  promotion every `--swap-every-s` and clients that misbehave; then beside the latter alone; then alone. The policies
  are small ones that memorised solutions, so that each answer shows which of them wrote it.

Exits with 1 if a request failed, or an answer came of anything but one version or two neighbours.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from serving_throughput import compare, make_untrained_run, percentile  # noqa: E402

from cluster.config.run_folder import RunFolder  # noqa: E402
from tests.cluster.serving.load import Tally, load, swap  # noqa: E402
from tests.cluster.serving.server import FIRST, SECOND, SOLUTION, Server, make_run, serving, wait_until  # noqa: E402
from tests.cluster.serving.server import health as health_of  # noqa: E402

THIRD = SOLUTION.format(code="6-7", answer=-1)
SOLUTIONS = {1: FIRST, 2: SECOND, 3: THIRD}
PARTS = ("throughput", "model", "load")
SETTLE_S = 60.0


def main() -> int:
    arguments = parse()
    if "model" in arguments.parts:  # with which the engine has the larger part of the work
        with tempfile.TemporaryDirectory() as scratch:
            run = make_untrained_run(Path(scratch) / "model-1")
            with served(run) as server:
                asyncio.run(compare(server, run, Path(scratch), arguments.clients, arguments.rounds, requests=64))
    if not {"throughput", "load"} & set(arguments.parts):
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        run = make_run(Path(scratch) / "load-1", list(SOLUTIONS.values()))
        with served(run) as server:
            if "throughput" in arguments.parts:
                asyncio.run(compare(server, run, Path(scratch), arguments.clients, arguments.rounds))
            if "load" in arguments.parts:
                return asyncio.run(load_test(server, run, arguments))
    return 0


@contextmanager
def served(run: RunFolder) -> Iterator[Server]:
    """A server of a run, whose files are beside the run's folder."""
    beside = run.path.parent / "serve"
    beside.mkdir()
    with serving(run, beside) as server:
        yield server


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3, help="of the throughput")
    parser.add_argument("--minutes", type=float, default=5.0, help="of each load")
    parser.add_argument("--swap-every-s", type=float, default=15.0)
    return parser.parse_args()


async def load_test(server: Server, run: RunFolder, arguments: argparse.Namespace) -> int:
    """Run the three loads, print their table, and return the exit status."""
    cases = {
        "swaps, troublemakers": (run, True),
        "troublemakers": (None, True),
        "neither": (None, False),
    }
    print(
        f"{arguments.clients} clients for {arguments.minutes:g} minutes each, a swap every {arguments.swap_every_s:g} s"
    )
    print(
        f"{'beside':22} {'swaps':>5} {'requests':>8} {'failed':>6} {'one version':>11} {'two':>5} {'other':>5} "
        f"{'p50 s':>6} {'p99 s':>6} {'first token p50':>15} {'p99':>6}"
    )
    tallies = []
    for name, (swapped, troubled) in cases.items():
        tally = Tally(SOLUTIONS, promoted=[health_of(server.url)["policy_version"]])
        until = time.monotonic() + 60 * arguments.minutes
        await load(
            server.url,
            tally,
            clients=arguments.clients,
            is_over=lambda until=until: time.monotonic() > until,
            run=swapped,
            swap_every_s=arguments.swap_every_s,
            troubled=troubled,
        )
        print(row(name, tally), flush=True)
        tallies.append(tally)
        wait_until(lambda: health_of(server.url)["in_flight"] == 0, SETTLE_S, "rollouts of clients that hung up end")
        await swap(run, server.url, 1)
    return report(tallies)


def row(name: str, tally: Tally) -> str:
    """The line of one load."""
    origins = tally.by_origin()
    seconds = [answer.seconds for answer in tally.answers]
    first = [answer.first_token_s for answer in tally.answers if answer.first_token_s is not None]
    return (
        f"{name:22} {len(tally.promoted) - 1:5} {len(tally.answers):8} {len(tally.failed):6} "
        f"{origins['one version']:11} {origins['two neighbours']:5} {origins['other']:5} "
        f"{percentile(seconds, 0.5):6.2f} {percentile(seconds, 0.99):6.2f} {percentile(first, 0.5):15.2f} "
        f"{percentile(first, 0.99):6.2f}"
    )


def report(tallies: Sequence[Tally]) -> int:
    """Print what the troublemakers got and what failed; 1 if anything did."""
    troubles: Counter[tuple[str, str]] = sum((tally.troubles for tally in tallies), Counter())
    print("troublemakers:", "; ".join(f"{name}: {what} ({count})" for (name, what), count in sorted(troubles.items())))
    bad = [answer for tally in tallies for answer in (*tally.failed, *tally.others())]
    for answer in bad[:20]:
        print(f"{answer.kind}: {answer.failure or f'versions {answer.versions}: {answer.text!r}'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
