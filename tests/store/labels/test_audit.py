"""The label audit: which labels it reports, which it does not, and with which evidence."""

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from store.labels.audit import AuditSettings, Proposal
from store.records import (
    Assignment,
    ExecutionRecord,
    Outcome,
    Policy,
    Problem,
    Purpose,
    ReviewStatus,
    Rollout,
    Sampling,
    Segment,
    SegmentKind,
    Split,
    rollout_id,
)
from store.store import Store

BENCHMARK = Path(__file__).parents[2] / "benchmarks/audit.py"
PROGRAMS = ("print({0})", "x = {0}\nprint(x)", "print({0} + 0)", "print(1 * {0})", "x = {0}\ny = 0\nprint(x + y)")


@pytest.fixture(scope="module")
def simulation() -> ModuleType:
    """The benchmark's simulated policies."""
    spec = importlib.util.spec_from_file_location("audit_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copy(sqlite_template, tmp_path / "store.db")
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        yield store


def same(expected: str, given: str) -> bool:
    return expected.removesuffix(".0") == given.removesuffix(".0")


def attempt_all(
    store: Store, answers: dict[str, list[str]], stdout: str = "{0}\n", purpose: Purpose = Purpose.TRAIN
) -> None:
    """Add a problem with label "1" for each key, and an attempt with a different program for each of its answers."""
    split = Split.TRAIN if purpose is Purpose.TRAIN else Split.HELDOUT
    store.problems.add(Problem(name, f"What is {name}?", "1", "test", split, f"key-{name}") for name in answers)
    store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
    samples = max(map(len, answers.values()))
    if purpose is Purpose.TRAIN:
        store.iterations.open(1, 1)
        store.iterations.schedule(1, len(answers), samples, Sampling())
    else:
        store.evaluations.schedule(1, "heldout", samples=samples, sampling=Sampling())
    store.rollouts.add(
        attempt(assignment, sample, answer, stdout)
        for assignment in store.assignments.lease("test", 10_000, 60).assignments
        for sample, answer in enumerate(answers[assignment.problem.id])
    )


def attempt(assignment: Assignment, sample: int, answer: str, stdout: str) -> Rollout:
    code = PROGRAMS[sample % len(PROGRAMS)].format(answer)
    return Rollout(
        rollout_id(assignment.id, sample),
        assignment.problem.id,
        assignment.purpose,
        Outcome.ACCEPTED if same("1", answer) else Outcome.WRONG,
        "tir",
        (1,),
        (2,),
        (True,),
        segments=(Segment(SegmentKind.CODE, code),),
        executions=(ExecutionRecord("ok", code, stdout.format(answer)),),
        answer=answer,
        assignment_id=assignment.id,
    )


def named(store: Store, **settings: object) -> dict[str, Proposal]:
    found, _ = store.labels.audit(AuditSettings.model_validate({"prior": 0.05} | settings), same)
    return {proposal.problem_id: proposal for proposal in found}


RIGHT = {f"right-{i}": ["1", "1", "1", "1", "2", "1"] for i in range(40)}


@pytest.mark.parametrize(("style", "wanted"), [("slips", 12), ("favourites", 10)])
def test_most_wrong_labels_are_found_and_hardly_a_right_one_is_named(
    sqlite: Store, simulation: ModuleType, style: str, wanted: int
) -> None:
    """Of 500 problems, 13 with a wrong label."""
    problems = [
        simulation.Labelled(f"p{i}", f"What is {i} + {i}?", str(i * 2 + 57 if i % 41 == 5 else i * 2), str(i * 2))
        for i in range(5, 505)
    ]
    assert sum(problem.label != problem.truth for problem in problems) == 13
    simulation.fill(sqlite, problems, simulation.STYLES[style], samples=8, seed=1)

    proposals, opened = sqlite.labels.audit(AuditSettings(prior=0.02), simulation.same)

    found, false = simulation.count({p.problem_id: p.proposed_answer for p in proposals}, problems)
    assert found >= wanted
    assert false <= 1
    assert opened == len(proposals) == sqlite.labels.review_counts()["open"]


def test_agreement_against_a_label_is_named_with_its_evidence(store: Store) -> None:
    attempt_all(store, RIGHT | {"doubtful": ["7", "7.0", "7", "7", "7", "9"]})

    found = named(store)

    assert list(found) == ["doubtful"]
    proposal = found["doubtful"]
    assert (proposal.label, proposal.proposed_answer) == ("1", "7")
    evidence = proposal.evidence
    assert (evidence["attempts"], evidence["agreeing"], evidence["programs"]) == (6, 5, 5)
    assert evidence["label_attempts"] == 0
    assert evidence["answers"] == {"7": 4, "7.0": 1, "9": 1}
    (review,) = store.labels.reviews()
    assert (review.status, review.problem_id, review.proposed_by) == (ReviewStatus.OPEN, "doubtful", "audit")
    assert {rollout.problem_id for rollout in store.rollouts.by_id(evidence["rollouts"])} == {"doubtful"}


def test_an_answer_that_no_code_gave_is_not_named(store: Store) -> None:
    attempt_all(store, RIGHT | {"prose": ["7"] * 6}, stdout="something else\n")

    assert named(store) == {}


def test_a_label_that_attempts_reach_is_not_named(store: Store) -> None:
    attempt_all(store, RIGHT | {"hard": ["7", "7", "7", "1", "1", "7"]})

    assert named(store) == {}


def test_scattered_mistakes_are_not_named(store: Store) -> None:
    attempt_all(store, RIGHT | {"hard": ["2", "3", "4", "5", "6", "7"]})

    assert named(store) == {}


def test_held_out_problems_are_audited_by_their_evaluations(store: Store) -> None:
    attempt_all(store, RIGHT | {"doubtful": ["7"] * 6}, purpose=Purpose.EVAL)

    assert list(named(store)) == ["doubtful"]
    assert named(store, split="train") == {}


def test_auditing_twice_opens_a_review_once(store: Store) -> None:
    attempt_all(store, RIGHT | {"doubtful": ["7"] * 6})
    named(store)

    assert list(named(store)) == ["doubtful"]

    assert store.labels.review_counts() == {"open": 1, "accepted": 0, "rejected": 0}


def test_a_rejected_correction_is_not_named_again(store: Store) -> None:
    attempt_all(store, RIGHT | {"doubtful": ["7"] * 6})
    named(store)
    (review,) = store.labels.reviews()

    store.labels.reject(review.id, "ada", "the question says so")

    assert named(store) == {}


def test_another_spelling_of_a_rejected_correction_is_not_named(store: Store) -> None:
    attempt_all(store, RIGHT | {"doubtful": ["7.0"] * 6})
    store.labels.propose([Proposal("doubtful", "1", "7", 0.9, {})], "ada")
    (review,) = store.labels.reviews()
    store.labels.reject(review.id, "ada", "the question says so")

    assert named(store) == {}
    assert len(store.labels.reviews()) == 1
