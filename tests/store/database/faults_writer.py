"""A writer for the fault tests: leases work, writes rollouts, and prints the id of each acknowledged one, one per line.

    python faults_writer.py URL [KILLS SEED]

It ends when there is no work left, or at a StoreError, whose name and message are the last line. With KILLS, that many
writers run one after the other, and each is killed at a random moment.
"""

import os
import random
import signal
import sys
import time
from itertools import batched

from store.errors import StoreError
from store.records import (
    Assignment,
    ExecutionRecord,
    Outcome,
    PolicySpan,
    Rollout,
    Segment,
    SegmentKind,
    rollout_id,
)
from store.store import Store

TOKENS = 300
BATCH = 4  # rollouts per transaction
LEASED = 32  # attempts per lease
TTL_S = 0.5
LONGEST_LIFE_S = 0.1


def write_all(store: Store, owner: str) -> None:
    """Lease and write until there is nothing to lease."""
    while assignments := store.assignments.lease(owner, LEASED, TTL_S).assignments:
        rollouts = [attempt(assignment, sample) for assignment in assignments for sample in assignment.pending]
        for some in batched(rollouts, BATCH):
            store.rollouts.add(some)
            # In a single write, so that a kill cannot leave half a line.
            os.write(1, "".join(f"{rollout.id}\n" for rollout in some).encode())


def attempt(assignment: Assignment, sample: int) -> Rollout:
    """A rollout. Every second one is accepted, and every fourth is a duplicate of another."""
    code = f"x = {assignment.id} * {sample // 4 * 4 or sample}\nprint(x)"
    return Rollout(
        id=rollout_id(assignment.id, sample),
        problem_id=assignment.problem.id,
        purpose=assignment.purpose,
        outcome=Outcome.ACCEPTED if sample % 2 else Outcome.WRONG,
        solution_format="tir",
        prompt_ids=tuple(range(50)),
        token_ids=tuple(hash((assignment.id, sample, i)) % 50_000 for i in range(TOKENS)),
        model_mask=(True,) * TOKENS,
        spans=(PolicySpan(1, 0, TOKENS),),
        segments=(Segment(SegmentKind.CODE, code), Segment(SegmentKind.ANSWER, "1")),
        executions=(ExecutionRecord("ok", code, "1\n"),),
        answer="1",
        assignment_id=assignment.id,
    )


def live(url: str, owner: str) -> None:
    """Run a writer to its end."""
    try:
        with Store.open(url, create=False) as store:
            write_all(store, owner)
    except StoreError as error:
        print(f"{type(error).__name__}: {error}", flush=True)


def live_and_be_killed(url: str, owner: str, rng: random.Random) -> None:
    """Run a writer and kill it at a random time, counted from its start or, in half of the cases, its first write."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(writing, 1)
        os.close(writing)
        live(url, owner)
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as acknowledged:
        first = acknowledged.readline() if rng.random() < 0.5 else ""
        time.sleep(rng.uniform(0, LONGEST_LIFE_S))
        os.kill(pid, signal.SIGKILL)
        print(first + acknowledged.read(), end="", flush=True)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    url, *kills_and_seed = sys.argv[1:]
    if kills_and_seed:
        kills, seed = map(int, kills_and_seed)
        rng = random.Random(seed)
        for life in range(kills):
            live_and_be_killed(url, f"life {life}", rng)
    else:
        live(url, "writer")
