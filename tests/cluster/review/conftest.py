"""A run to review: attempts at word problems, one of which is hostile, and labels in doubt; and servers of it."""

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn

from cluster.config.listening import free_port
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder
from cluster.review.app import make_app
from cluster.review.identity import Admission
from store.labels.audit import Proposal
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
    Support,
    rollout_id,
)
from store.reviews.settings import ReviewSettings
from store.store import Store

from ..report.solutions import HOSTILE, byte_tokenizer

PROBLEMS = 12
HOSTILE_NUMBER = 3
SETTINGS = ReviewSettings(check_share=1.0)

type ServeRun = Callable[..., str]


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The run that others are copies of."""
    return make_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def run(made_run: RunFolder, tmp_path: Path) -> RunFolder:
    """A run that nobody has reviewed yet."""
    shutil.copytree(made_run.path, tmp_path / "test-1")
    return RunFolder(tmp_path / "test-1")


def make_run(runs: Path) -> RunFolder:
    """Twelve problems with four attempts each. The labels of two are in doubt; one problem is hostile throughout."""
    folder = RunFolder(runs / "test-1")
    config = load_config("demo", None, [])
    folder.write_config(config)
    with Store.open(folder.store_url(config)) as store:
        store.problems.add(_problem(number) for number in range(PROBLEMS))
        store.problems.add([Problem("held", "What is 2 * 9?", "18", "test", Split.HELDOUT, "held")])
        path = Path(folder.policy(1))
        _write_tokenizer(path)
        store.policies.add(Policy(store.policies.next_version(), None, str(path)))
        store.iterations.open(1, 1)
        store.iterations.schedule(1, PROBLEMS, 4, Sampling(0.8))
        for assignment in store.assignments.lease("test", 100, 60).assignments:
            store.rollouts.add(_attempts(assignment))
        examples = [one.id for one in store.rollouts.iterate(problem_id="p1", limit=3)]
        evidence = {
            "attempts": 4,
            "label_attempts": 0,
            "reached_by_code": 3,
            "programs": 2,
            "policy_versions": [1],
            "answers": {"7": 3, "8": 1},
            "rollouts": examples,
        }
        store.labels.propose([Proposal(f"p{i}", str(6 * (i + 2)), "7", 0.97, evidence) for i in (1, 2)], "audit")
    return folder


def _problem(number: int) -> Problem:
    question = f"A baker fills {number + 2} trays with six rolls each and sells them all. How many rolls were sold?"
    if number == HOSTILE_NUMBER:
        question = HOSTILE.replace("\0", "")
    return Problem(f"p{number}", question, str(6 * (number + 2)), "test", Split.TRAIN, f"k{number}")


def _write_tokenizer(path: Path) -> None:
    path.mkdir(parents=True)
    byte_tokenizer().save(str(path / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<eos>"}
    (path / "tokenizer_config.json").write_text(json.dumps(settings))


def _attempts(assignment: Assignment) -> list[Rollout]:
    number = int(assignment.problem.id[1:]) + 2
    said = HOSTILE if assignment.problem.id == f"p{HOSTILE_NUMBER}" else "Each tray has six rolls, so I multiply."
    right = str(6 * number)
    return [
        _attempt(assignment, 0, said, right, Outcome.ACCEPTED, Support.SUPPORTED),
        _attempt(assignment, 1, said, right, Outcome.ACCEPTED, Support.UNSUPPORTED),
        _attempt(assignment, 2, said, f"about {right}", Outcome.UNDECIDED, None),
        _attempt(assignment, 3, said, str(6 * number + 1), Outcome.WRONG, None),
    ]


def _attempt(
    assignment: Assignment, sample: int, said: str, answer: str, outcome: Outcome, support: Support | None
) -> Rollout:
    number = int(assignment.problem.id[1:]) + 2
    code = f"trays = {number}\nrolls = 6 * trays\nprint(rolls{' + 0' * sample})  # {said[:40]}"
    segments = (
        Segment(SegmentKind.TEXT, f"{said}\n"),
        Segment(SegmentKind.CODE, code),
        Segment(SegmentKind.OUTPUT, f"{answer}\n"),
        Segment(SegmentKind.TEXT, f"{said}\nSo the answer is \\boxed{{{answer}}}."),
        Segment(SegmentKind.ANSWER, answer),
    )
    made = Rollout(
        rollout_id(assignment.id, sample),
        assignment.problem.id,
        assignment.purpose,
        outcome,
        "tir",
        (1, 2, 3),
        (4, 5, 6),
        (True, False, True),
        (PolicySpan(1, 0, 3),),
        segments,
        (ExecutionRecord("ok", code, f"{answer}\n", "", None, 0.012),),
        answer=answer,
        assignment_id=assignment.id,
        seconds=1.5,
    )
    return replace(made, support=support)


@pytest.fixture
def serve() -> Iterator[ServeRun]:
    """Serves a run on a free port until the end of the test; returns its URL."""
    with ExitStack() as stack:
        yield lambda folder, **options: stack.enter_context(serving(folder, **options))


@contextmanager
def serving(
    folder: RunFolder, admission: Admission | None = None, settings: ReviewSettings = SETTINGS
) -> Iterator[str]:
    """The URL of a server of a run, for the time of the context."""
    with ExitStack() as stack:
        config = folder.read_config()
        app = stack.enter_context(make_app(folder, config, admission or Admission(), "127.0.0.1", settings))
        port = free_port("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
        thread = threading.Thread(target=server.run)
        thread.start()
        stack.callback(thread.join)
        stack.callback(lambda: setattr(server, "should_exit", True))
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
