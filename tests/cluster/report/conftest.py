"""A run to browse: two policies with a tokenizer, and attempts of both, one of which is hostile."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvicorn

from cluster.config.listening import free_port
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder
from cluster.report.app import make_app
from store.records import (
    Assignment,
    ExecutionRecord,
    Outcome,
    Policy,
    PolicySpan,
    Problem,
    Rollout,
    Sampling,
    Segment,
    SegmentKind,
    Split,
    rollout_id,
)
from store.store import Store

from .solutions import HOSTILE, Written, byte_tokenizer, write_solution

HOSTILE_ID = "test/<b>&\"'"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Policies 0 to 2; forty attempts of policy 1, then one of 1 and 2 together, then a hostile one of 2."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "test-1")
    config = load_config("demo", None, [])
    folder.write_config(config)
    with Store.open(folder.store_url(config)) as store:
        fill(store, folder)
    return folder


def fill(store: Store, folder: RunFolder) -> None:
    """Fill an empty store, and write the tokenizer of the first policy."""
    store.problems.add(
        Problem(f"p{i}", f"What is 6 * {i}?", str(6 * i), "test", Split.TRAIN, f"k{i}") for i in range(9)
    )
    store.problems.add([Problem(HOSTILE_ID, HOSTILE.replace("\0", ""), "42", "test", Split.TRAIN, "hostile")])
    for version in range(3):
        path = Path(folder.policy(version))
        path.mkdir(parents=True)
        store.policies.add(Policy(version, version - 1 if version else None, str(path), iteration=max(0, version - 1)))
    byte_tokenizer().save(str(Path(folder.policy(0)) / "tokenizer.json"))
    store.iterations.open(1, 1)
    store.iterations.schedule(1, 10, 4, Sampling(0.8))
    leased = store.assignments.lease("test", 100, 60, held=1, pinned=1).assignments
    leased = sorted(leased, key=lambda one: one.problem.id == HOSTILE_ID)
    rollouts = [_attempt(one, sample, (1,)) for one in leased[:-1] for sample in range(4)]
    rollouts += [_attempt(leased[-1], 0, (1, 2)), _attempt(leased[-1], 1, (2,), HOSTILE)]
    rollouts += [_attempt(leased[-1], sample, (2,)) for sample in (2, 3)]
    for rollout in rollouts:
        store.rollouts.add([rollout])


def _attempt(assignment: Assignment, sample: int, versions: tuple[int, ...], said: str = "Multiply. ") -> Rollout:
    written = Written(f"{said}é∑", f"print(6 * 7)  # {said} {sample}", f"42 {said}\n", f"It is {said}. ", "42")
    token_ids, mask, turn = write_solution(written)
    spans = (PolicySpan(versions[0], 0, turn), PolicySpan(versions[-1], turn, len(token_ids)))
    return Rollout(
        rollout_id(assignment.id, sample),
        assignment.problem.id,
        assignment.purpose,
        Outcome.ACCEPTED if sample % 2 else Outcome.WRONG,
        "tir",
        (1, 2, 3),
        token_ids,
        mask,
        spans,
        (
            Segment(SegmentKind.TEXT, written.prose),
            Segment(SegmentKind.CODE, written.code),
            Segment(SegmentKind.OUTPUT, written.output),
            Segment(SegmentKind.TEXT, written.conclusion),
            Segment(SegmentKind.ANSWER, written.answer),
        ),
        (ExecutionRecord("ok", written.code, written.output, "", None, 0.01),),
        answer=f"42 {said}".replace("\0", ""),
        assignment_id=assignment.id,
        seconds=2.5,
        logprobs=tuple(-0.01 * (1.6 ** (i % 15)) if flag else float("nan") for i, flag in enumerate(mask)),
        temperature=0.8,
    )


type ServeRun = Callable[[RunFolder, str | None], str]


@pytest.fixture(scope="module")
def serve() -> Iterator[ServeRun]:
    """Serves a run on a free port, with a token or without, until the end of the module; returns its URL."""
    with ExitStack() as stack:

        def start(folder: RunFolder, token: str | None = None) -> str:
            app = stack.enter_context(make_app(folder, folder.read_config(), token, "127.0.0.1"))
            port = free_port("127.0.0.1", 0)
            server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
            thread = threading.Thread(target=server.run)
            thread.start()
            stack.callback(thread.join)
            stack.callback(lambda: setattr(server, "should_exit", True))
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.02)
            return f"http://127.0.0.1:{port}"

        yield start
