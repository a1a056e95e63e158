"""A misbehaving teacher, a store with sums to solve, and jobs on them."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.annotation.dialogue.prompts import load_prompt
from actors.annotation.endpoint.pace import Stop
from actors.annotation.job import JobOrder, run_job
from actors.annotation.pages import Selection
from actors.annotation.progress import JobProgress
from actors.annotation.settings import AnnotationSettings, TokenPrice
from actors.annotation.solving import solving
from actors.annotation.spending.budget import Limits
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from store.records import AnnotationSummary, Problem, Split
from store.store import Store

from ...teacher_server import INPUT_PRICE, MODEL, OUTPUT_PRICE, TeacherServer, teacher_server

SANDBOX = SandboxSettings(preload=(), packages=())
CHECKER = AnswerCheckerSettings(symbolic=False)
PRICE = TokenPrice(input=Decimal(INPUT_PRICE), output=Decimal(OUTPUT_PRICE))
TEMPERATURES = (0.0, 0.5, 0.6)  # all different, so that the server can tell the attempts apart


@pytest.fixture
def server() -> Iterator[TeacherServer]:
    with teacher_server() as server:
        yield server


@pytest.fixture(scope="session")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight training problems and two held-out ones, in a store to be copied: making one takes longer than a job."""
    file = tmp_path_factory.mktemp("sums") / "store.db"
    with Store.open(f"sqlite:///{file}") as store:
        store.problems.add(addition(i, Split.TRAIN if i < 8 else Split.HELDOUT) for i in range(10))
    return file


@pytest.fixture
def store(sums: Path, tmp_path: Path) -> Iterator[Store]:
    """A store with the sums."""
    shutil.copy(sums, tmp_path / "store.db")
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        yield store


def addition(number: int, split: Split = Split.TRAIN) -> Problem:
    a, b = number + 3, 10 * number + 1
    return Problem(f"p{number}", f"What is {a} + {b}?", str(a + b), "sums", split, f"key-{number}")


type Annotate = Callable[..., tuple[AnnotationSummary, JobProgress]]


@pytest.fixture
def annotate(server: TeacherServer, store: Store) -> Annotate:
    """Do a job, or continue it; returns it in figures, and what this start of it did."""

    def annotate(
        dollars: str = "1",
        tokens: int | None = None,
        limit: int | None = None,
        stop: Stop | None = None,
        batch: bool = False,
        **options: Any,
    ) -> tuple[AnnotationSummary, JobProgress]:
        quick = {"retry_pause_s": 0.01, "silence_s": 0.5, "retries": 4, "max_tokens": 256, "overhead_tokens": 0}
        given = {"model": MODEL, "base_url": server.url, "temperatures": TEMPERATURES} | quick | options
        settings = AnnotationSettings.model_validate(given)
        limits = Limits(Decimal(dollars), tokens)
        order = JobOrder(settings, load_prompt(settings), PRICE, limits, in_batches=batch)
        task = solving(settings, order.prompt, Selection(limit), SANDBOX, CHECKER)

        async def run() -> JobProgress:
            running = run_job(store, order, task, stop or Stop(), lambda progress: None)
            return (await running)[1]

        progress = asyncio.run(run())
        return store.annotations.summaries()[-1], progress

    return annotate
