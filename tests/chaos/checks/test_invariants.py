"""Each invariant of a run holds in a store where nothing went wrong, and is reported when it is broken."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from learner.publication import checksum, publication
from store.database.connection import connect
from store.database.tables import (
    Base,
    ExecutionRow,
    IterationRow,
    PolicyRow,
    ProblemRow,
    RolloutRow,
    RunStateRow,
    table,
)
from store.database.urls import parse_url
from store.records import Policy, Problem, Sampling, Split
from store.store import Store

from ...store.database.faults_writer import write_all
from .invariants import check_store
from .journal import Journal

ITERATIONS, PROBLEMS, SAMPLES = 2, 6, 4


@dataclass
class Run:
    """The store of a run, its folder, and what a journal read in it."""

    store: Store
    folder: Path
    journal: Journal

    def violations(self) -> list[str]:
        return check_store(self.store.url, self.folder, self.journal, iterations=ITERATIONS, lead=0)

    def execute(self, *statements: object) -> None:
        engine = connect(parse_url(self.store.url), create=False)
        with Session(engine) as session, session.begin():
            for statement in statements:
                session.execute(statement)
        engine.dispose()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.problems.add(
            Problem(f"p{i}", f"What is {i} + 0?", f"{i}", "test", Split.TRAIN, f"key {i}") for i in range(PROBLEMS)
        )
        store.run.set_targets(iterations=ITERATIONS)
        publish(store, tmp_path, None)
        for number in range(1, ITERATIONS + 1):
            parent = store.policies.require_latest()
            store.iterations.open(number, parent.version)
            store.iterations.schedule(number, PROBLEMS, SAMPLES, Sampling())
            write_all(store, "writer")
            publish(store, tmp_path, number)
            store.iterations.close(number, {})
        journal = Journal(store.url)
        assert journal.read()
        yield Run(store, tmp_path, journal)


def publish(store: Store, folder: Path, iteration: int | None) -> None:
    """Publish a policy as a run does; None: the warm start."""
    version, parent = store.policies.next_version(), store.policies.latest()
    path = folder / "policies" / f"v{version:06d}"
    with publication(path) as temporary:
        (temporary / "weights").write_text(str(version))
    training_set = None if iteration is None else store.training_sets.select(version, iteration=iteration)
    parent_version = parent.version if parent else None
    store.policies.add(
        Policy(version, parent_version, str(path), training_set, checksum=checksum(path), iteration=iteration or 0)
    )


def test_a_run_in_which_nothing_went_wrong_has_no_violation(run: Run) -> None:
    run.execute(update(RolloutRow).values(lag=0))
    assert len(run.journal.rollouts) == ITERATIONS * PROBLEMS * SAMPLES
    assert run.violations() == []


FIRST = RolloutRow.seq == 1


BREAKAGES: dict[str, tuple[Callable[[], list[object]], str]] = {
    "a rollout is lost": (
        lambda: [delete(ExecutionRow), delete(RolloutRow).where(FIRST)],
        "lacks 1 of its rollouts",
    ),
    "a rollout is changed": (
        lambda: [update(RolloutRow).where(FIRST).values(spans=b"other")],
        "acknowledged rollouts differ",
    ),
    "a rollout is too old": (lambda: [update(RolloutRow).values(lag=3)], "rollouts have a lag of 3"),
    "an iteration is open": (lambda: [update(IterationRow).values(closed_at=None)], "iteration 1 is open"),
    "other iterations were asked for": (
        lambda: [update(RunStateRow).values(target_iterations=5)],
        "5 iterations",
    ),
    "a counter is wrong": (lambda: [update(ProblemRow).where(ProblemRow.id == "p1").values(judged=1)], "p1 counts"),
    "two policies have the same weights": (
        lambda: [update(PolicyRow).where(PolicyRow.parent.is_not(None)).values(checksum="same")],
        "policies have the checksum same",
    ),
    "an iteration trained two policies": (
        lambda: [update(PolicyRow).where(PolicyRow.parent.is_not(None)).values(iteration=1)],
        "policies have the iteration 1",
    ),
}


@pytest.mark.parametrize("what", BREAKAGES)
def test_a_broken_invariant_of_the_store_is_reported(run: Run, what: str) -> None:
    statements, message = BREAKAGES[what]
    run.execute(update(RolloutRow).values(lag=0), *statements())
    assert any(message in violation for violation in run.violations())


def test_a_sample_that_is_there_twice_is_reported(run: Run) -> None:
    columns = [column for column in table(RolloutRow).columns if column.name not in ("seq", "id")]
    again = select(*columns, RolloutRow.id + "again").where(FIRST)
    run.execute(Base.metadata.tables["rollouts"].insert().from_select([*(c.name for c in columns), "id"], again))
    assert any("is there twice" in violation for violation in run.violations())


def test_a_folder_that_is_not_as_published_is_reported(run: Run) -> None:
    changed, unknown = (run.folder / "policies" / name for name in ("v000002", "v000009"))
    (changed / "weights").write_text("X")
    unknown.mkdir()
    found = run.violations()
    assert any("weights differs from its manifest" in violation for violation in found)
    assert any(f"{unknown} belongs to no policy" in violation for violation in found)


def test_a_folder_without_a_file_of_its_manifest_is_reported(run: Run) -> None:
    folder = run.folder / "policies" / "v000002"
    assert json.loads((folder / "manifest.json").read_text())["files"]
    (folder / "weights").unlink()
    assert any("the folder of policy 2 is not whole" in violation for violation in run.violations())
