"""Several processes that use a store at the same time, or are killed while they do."""

import subprocess
import sys
import time
from pathlib import Path

from store.records import Sampling
from store.store import Store

ROOT = Path(__file__).parents[3]

DRAIN = """
import sys
from store.store import Store
with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    while leased := store.assignments.lease(sys.argv[2], 3, 60).assignments:
        print(*(a.id for a in leased), flush=True)
"""

OPEN = """
import sys
from store.store import Store
sys.stdin.readline()
with Store.open(sys.argv[1]) as store:
    print(store.problems.counts())
"""

WRITE = """
import sys
from store.records import Problem, Split
from store.store import Store
with Store.open(sys.argv[1]) as store:
    number = 0
    while True:
        number += 1
        store.problems.add([Problem(f"p{number}", "q", "a", "test", Split.TRAIN, f"k{number}")])
        print(number, flush=True)
"""


def start(script: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def test_two_processes_leasing_at_once_never_get_the_same_work(filled):
    for iteration in range(1, 6):
        filled.iterations.open(iteration, 1)
        filled.iterations.schedule(iteration, problems=20, samples=1, sampling=Sampling())
    processes = [start(DRAIN, filled.url, owner) for owner in "ab"]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    taken = [process.communicate("go\n", timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert len(taken[0] + taken[1]) == len(set(taken[0] + taken[1])) == 100


def test_processes_that_open_a_new_store_at_once_make_it_once(url):
    processes = [start(OPEN, url) for _ in range(4)]
    outputs = [process.communicate("go\n", timeout=120)[0] for process in processes]
    assert outputs == ["{'train': 0, 'heldout': 0, 'excluded': 0}\n"] * 4


def test_acknowledged_writes_of_a_killed_process_are_stored(url):
    process = start(WRITE, url)
    acknowledged = 0
    while acknowledged < 20:
        acknowledged = int(process.stdout.readline())
    process.kill()
    rest = process.communicate(timeout=60)[0].split()
    acknowledged = int(rest[-1]) if rest else acknowledged
    with Store.open(url) as store:
        deadline = time.monotonic() + 30  # PostgreSQL needs a moment to notice that its client is gone
        while store.problems.counts()["train"] < acknowledged and time.monotonic() < deadline:
            time.sleep(0.05)
        assert store.problems.counts()["train"] in (acknowledged, acknowledged + 1)
