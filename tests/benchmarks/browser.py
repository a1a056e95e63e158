"""The rollout browser over a large store: seconds and memory of the server by filter, alone and in pairs.

    python tests/benchmarks/browser.py [--engine sqlite|postgresql|both] [--rollouts 1000000] [--folder DIR]
                                       [--url URL]

Fills a store (see `big_store.py`), or reads the one at `--url`, starts `automathes report --serve` on it as a process
of its own, and gets each page three times; the median counts. The filters are each alone and all pairs, with values
that match many rollouts, few, or none; "rare" is a value that only the oldest rollouts have, or none. Memory is the
highest resident set of the server since its start, after each page.
Exits with code 1, and prints a line for each, if a page took longer than the target.
"""

import argparse
import http.client
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent), str(ROOT / "tests/store")]

from big_store import fill  # noqa: E402
from postgresql_server import PostgresqlServer  # noqa: E402

from cluster.config.loading import load_config  # noqa: E402
from cluster.config.run_folder import RunFolder  # noqa: E402
from store.database.connection import connect  # noqa: E402
from store.database.urls import parse_url  # noqa: E402
from store.records import RolloutFilter  # noqa: E402
from store.store import Store  # noqa: E402

TARGET_S = 1.0
REPEATS = 3
SERVER = "-c max_wal_size=8GB -c shared_buffers=1GB"
PROGRAM = "import sys; from cluster.cli import main; sys.exit(main(sys.argv[1:]))"


def main() -> int:
    options = _options()
    missed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="browser-benchmark-", dir=options.folder) as folder:
        Path(folder).chmod(0o755)
        for engine in ("sqlite", "postgresql") if options.engine == "both" else (options.engine,):
            with _store(engine, Path(folder), options) as url:
                missed += measure(engine, url, Path(folder) / engine)
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0


def measure(engine: str, url: str, path: Path) -> list[str]:
    """Print the table of one store; returns the targets that were missed."""
    with Store.open(url, create=False) as store:
        newest = store.rollouts.page(RolloutFilter(), 1).rollouts[0]
        count = store.rollouts.count(RolloutFilter(), budget_s=60)
    filters = {
        "text": {"many": "the", "rare": "no rollout says this"},
        "outcome": {"many": "wrong", "rare": "fault"},
        "policy": {"many": str(newest.policy_version), "rare": "1"},
        "iteration": {"many": str(newest.iteration), "rare": "1"},
        "purpose": {"many": "train", "rare": "eval"},
        "split": {"many": "train", "rare": "heldout"},
        "source": {"many": newest.source, "rare": "no such source"},
        "problem": {"many": newest.problem_id, "rare": "no such problem"},
    }
    pages = {"report": "/", "newest": "/rollouts", "a rollout": f"/rollouts/{newest.id}"}
    pages |= {"a problem": f"/problems/{newest.problem_id}"}
    for name, values in filters.items():
        pages |= {f"{name}: {kind}": f"/rollouts?{urlencode({name: value})}" for kind, value in values.items()}
    print(f"\n{engine}, {count.number:,} rollouts\n{'':28}{'seconds':>10}{'peak MiB':>10}")
    missed = []
    with _server(url, path) as (process, address):
        for name, page in pages.items():
            seconds = _median(address, page)
            print(f"{name:28}{seconds:10.3f}{_peak_mib(process.pid):10.0f}", flush=True)
            if seconds > TARGET_S and name != "report":
                missed.append(f"{engine}, {name}: {seconds:.2f} s, target {TARGET_S:g} s")
        slowest, where = 0.0, ""
        for one, other in itertools.combinations(filters, 2):
            for kinds in itertools.product(("many", "rare"), repeat=2):
                parameters = {one: filters[one][kinds[0]], other: filters[other][kinds[1]]}
                seconds = _median(address, f"/rollouts?{urlencode(parameters)}")
                if seconds > slowest:
                    slowest, where = seconds, f"{one} ({kinds[0]}) and {other} ({kinds[1]})"
        print(f"{'slowest of 112 pairs':28}{slowest:10.3f}{_peak_mib(process.pid):10.0f}  {where}")
        if slowest > TARGET_S:
            missed.append(f"{engine}, {where}: {slowest:.2f} s, target {TARGET_S:g} s")
    return missed


@contextmanager
def _store(engine: str, folder: Path, options: argparse.Namespace) -> Iterator[str]:
    if options.url:
        yield options.url
    elif engine == "sqlite":
        yield _filled(f"sqlite:///{folder}/store.db", options.rollouts)
    else:
        with PostgresqlServer(SERVER, folder) as server:
            yield _filled(server.create_database("browsed"), options.rollouts)


def _filled(url: str, rollouts: int) -> str:
    with Store.open(url) as store:
        engine = connect(parse_url(url), create=False)
        fill(store, engine, rollouts)
        engine.dispose()
    return url


@contextmanager
def _server(url: str, path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server of a run whose store is at the URL, and its address."""
    RunFolder(path).write_config(load_config("demo", None, [f"store.url={url}"]))
    command = [sys.executable, "-c", PROGRAM, "report", "--serve", "--run", str(path), "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process, next(word for word in process.stdout.readline().split() if word.startswith("http"))
        finally:
            process.terminate()


def _median(address: str, page: str) -> float:
    return statistics.median(_get(address, page) for _ in range(REPEATS))


def _get(address: str, page: str) -> float:
    """The seconds that a page takes to arrive."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=120)
    began = time.perf_counter()
    connection.request("GET", page)
    response = connection.getresponse()
    body = response.read()
    seconds = time.perf_counter() - began
    connection.close()
    if response.status not in (200, 404):
        raise RuntimeError(f"{page}: {response.status}\n{body.decode()[-1000:]}")
    return seconds


def _peak_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--rollouts", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="for the stores; about 2.5 GB for a million rollouts")
    parser.add_argument("--url", help="a store that is there already; with --engine for the name in the table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
