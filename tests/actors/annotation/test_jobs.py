"""Whole jobs with a teacher that behaves."""

import asyncio
import json
from pathlib import Path

import pytest

from actors.annotation.demonstrations import write_demonstrations
from actors.annotation.endpoint.failures import TeacherError
from actors.formats import get_format
from actors.rollouts.codec import Codec
from actors.settings import AnnotationsTeacherSettings, JsonlTeacherSettings
from actors.teachers import make_teacher
from sandbox.equivalence import AnswerChecker
from sandbox.interpreter import Sandbox
from store.errors import AnnotationTakenError
from store.records import Outcome, QuestionVerdict, ReviewStatus, Split, Support
from store.store import Store

from ...teacher_server import TeacherServer
from .conftest import CHECKER, Annotate

WAYS = [
    {"calls": calls, "solution_format": name, "stream": stream}
    for calls, name, stream in (
        ("fenced", "tir", True),
        ("fenced", "mario", False),
        ("tools", "tir", False),
        ("tools", "mario", True),
    )
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way.values())))
async def test_verified_solutions_become_demonstrations(
    way, annotate: Annotate, store: Store, tokenizer, tmp_path: Path
) -> None:
    summary, progress = await asyncio.to_thread(annotate, **way)
    assert (summary.attempts, summary.questions) == ({"accepted": 24}, {"verified": 8})
    assert summary.kept == 8  # the three solutions of a problem are equal
    assert progress.turns == 48

    file = tmp_path / "demonstrations.jsonl"
    assert write_demonstrations(store.annotations, file, way["solution_format"]) == (8, 0)
    codec = Codec(tokenizer, get_format(way["solution_format"]))
    found = []
    async with AnswerChecker(CHECKER) as checker:
        for settings in (
            AnnotationsTeacherSettings(kind="annotations"),
            JsonlTeacherSettings(kind="jsonl", path=file),
        ):
            teacher = make_teacher(settings, store.annotations)
            written = [pair async for pair in teacher.demonstrations(codec, Sandbox(), checker, [])]
            found.append(sorted(rollout.token_ids for _, rollout in written))
            assert len(written) == 8, teacher.skipped
            assert all(len(teacher.texts([])) == 8 for _ in written)
        assert found[0] == found[1]
    _, rollout = written[0]
    assert rollout.outcome is Outcome.ACCEPTED
    assert rollout.support is Support.SUPPORTED


def test_held_out_problems_are_never_sent(annotate: Annotate, server: TeacherServer, store: Store) -> None:
    annotate()
    heldout = {problem.question for problem in store.problems.iterate(Split.HELDOUT)}
    assert len(heldout) == 2
    assert not heldout & {one.question for one in server.asked}
    assert not any(question in json.dumps(one.body) for question in heldout for one in server.asked)


def test_the_first_attempt_is_greedy_and_the_others_are_not(annotate: Annotate, server: TeacherServer) -> None:
    annotate(limit=1, temperatures=(0.0, 0.6, 0.6))
    assert sorted(one.temperature for one in server.asked) == [0.0, 0.0, 0.6, 0.6, 0.6, 0.6]


def test_what_is_stored_is_not_asked_again(annotate: Annotate, server: TeacherServer) -> None:
    annotate(limit=3)
    asked = len(server.asked)
    summary, progress = annotate(limit=3)
    assert (len(server.asked), progress.turns, progress.left_unanswered) == (asked, 0, 0)
    annotate(limit=3, temperatures=(0.0, 0.5, 0.6, 0.7), samples=4)
    assert len(server.asked) == asked + 6  # two turns of the fourth attempt at each
    assert summary.job.spending.spent.microusd == sum(one.charged_microusd for one in server.asked[:asked])


def test_a_dispute_goes_to_a_person(annotate: Annotate, server: TeacherServer, store: Store) -> None:
    by_temperature = {0.0: 5, 0.5: 5, 0.6: 0}
    disputed, doubtful, unsolved = "What is 3 + 1?", "What is 4 + 11?", "What is 5 + 21?"

    def wrong(question: str, temperature: float) -> int:
        different = {0.0: 1, 0.5: 2, 0.6: 3}[temperature]
        return {disputed: 7, doubtful: by_temperature[temperature], unsolved: different}.get(question, 0)

    server.wrong = wrong
    summary, _ = annotate()
    assert summary.questions == {"verified": 5, "disputed": 2, "unsolved": 1}
    job = summary.job.id
    found = {one.problem_id: one for one in store.annotations.findings(job, QuestionVerdict.DISPUTED, 10)}
    assert (found["p0"].proposed, found["p0"].agreeing, found["p0"].verified) == ("11", 3, 0)
    assert (found["p1"].proposed, found["p1"].agreeing, found["p1"].verified) == ("20", 2, 1)
    assert [one.problem_id for one in store.annotations.findings(job, QuestionVerdict.UNSOLVED, 10)] == ["p2"]
    assert found["p0"].cost.microusd == sum(a.charged_microusd for a in server.asked if a.question == disputed)

    (review,) = store.labels.reviews(ReviewStatus.OPEN)
    assert (review.problem_id, review.label, review.proposed_answer) == ("p0", "4", "11")
    assert summary.kept == 6  # of p1 the one that reaches the label


def test_different_solutions_are_kept_up_to_the_limit(annotate: Annotate, server: TeacherServer, store: Store) -> None:
    server.code = lambda a, b, temperature: {0.0: f"print({a} + {b})", 0.5: f"print({b} - -{a})"}.get(
        temperature, f"total = sum([{a}, {b}])\nprint(total)"
    )
    summary, _ = annotate(limit=2)
    assert (summary.attempts, summary.kept) == ({"accepted": 6}, 6)
    summary, _ = annotate(limit=4, keep=2)
    assert summary.kept == 10


def test_a_key_is_needed_for_openai_and_stored_nowhere(
    annotate: Annotate, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(TeacherError, match="OPENAI_API_KEY"):
        annotate(base_url="https://api.openai.com/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    annotate(limit=1)
    for file in tmp_path.iterdir():
        assert b"sk-secret" not in file.read_bytes()


def test_one_process_at_a_time_is_at_work_on_a_job(annotate: Annotate, store: Store) -> None:
    summary, _ = annotate(limit=1)
    store.annotations.claim(summary.job.id, "another-host:1:1", lambda owner: True)
    with pytest.raises(AnnotationTakenError, match="another-host"):
        annotate(limit=2)
    store.annotations.claim(summary.job.id, "us", lambda owner: False)
    store.annotations.release(summary.job.id, "us")
    annotate(limit=2)
