"""Answers that are equal, different or undecided."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from sandbox import interpreter
from sandbox.equivalence import AnswerChecker, AnswerCheckFailed, Verdict, compare_plain
from sandbox.host import SandboxUnavailable
from sandbox.settings import AnswerCheckerSettings
from sandbox.stats import SandboxStats

SYMBOLIC = [
    ("x+1", "1+x", Verdict.EQUAL),
    (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}", Verdict.EQUAL),
    (r"\{\sqrt{4}, x+1\}", r"\{1+x, 2\}", Verdict.EQUAL),
    (r"(\sqrt{4}, 1)", r"(1, \sqrt{4})", Verdict.DIFFERENT),
    (r"[0, \sqrt{2})", r"[0, \sqrt{2}]", Verdict.DIFFERENT),
    ("x^2", "x^3", Verdict.DIFFERENT),
    ("3", "x", Verdict.DIFFERENT),
    (r"\sqrt{3}", "1.7321", Verdict.EQUAL),
    (r"\sqrt{3}", "1.73", Verdict.DIFFERENT),
    ("i(2-i)", "1+2i", Verdict.EQUAL),
    (r"180^\circ", r"\pi", Verdict.EQUAL),
    (r"y = x + 1", r"f(x) = 1 + x", Verdict.EQUAL),
    (r"x \geq 3", r"3 \leq x", Verdict.EQUAL),
    (r"x \geq 3", r"x > 3", Verdict.DIFFERENT),
    (r"1 \pm \sqrt{2}", r"1-\sqrt{2}, \sqrt{2}+1", Verdict.EQUAL),
    (r"\begin{pmatrix} x+1 \\ 2 \end{pmatrix}", r"\begin{bmatrix} 1+x \\ 2 \end{bmatrix}", Verdict.EQUAL),
    (r"\begin{pmatrix} x+1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} x-1 \\ 2 \end{pmatrix}", Verdict.DIFFERENT),
    (r"\begin{cases} a+b=1 \\ a-b=\sqrt{4} \end{cases}", r"\begin{cases} a-b=2 \\ a+b=1 \end{cases}", Verdict.EQUAL),
    (r"\frac{1}{2^{98}}", r"\frac{1}{2^{88}}", Verdict.DIFFERENT),
    (r"36\pi", "36*pi", Verdict.EQUAL),
    (r"(-\infty, 2) \cup (3, \infty)", r"x < 2 \text{ or } x > 3", Verdict.EQUAL),
    ("2x", "Twice the sum of all the parts is $2x$.", Verdict.EQUAL),
]
CONVENTION = Path(__file__).parents[2] / "docs" / "equivalence.md"
HOSTILE = [
    "9**9**9**9",
    "{" * 1_000_000,
    "(" * 100_000,
    r"\boxed{" * 100_000,
    r"\text{" * 100_000 + "}" * 100_000,
    r"\frac{" * 300,
    "1," * 300_000,
    "and " * 300_000,
    "\0",
    "\ud800",
    "1" * 1_000_000,
    "1e999999999",
    "__import__('os').system('true')",
]


@pytest.fixture
async def checker() -> AsyncIterator[AnswerChecker]:
    async with AnswerChecker(AnswerCheckerSettings(check_wall_s=10)) as checker:
        yield checker


async def test_plain_answers_start_no_process(checker: AnswerChecker) -> None:
    for expected, given in (("42", "42"), ("42", "41"), ("5 cm", "5"), ("1, 2", "2, 1"), ("yes", "no")):
        await checker.check(expected, given)
    assert checker._sandbox is None


async def test_without_symbolic_comparison_no_process_is_ever_started() -> None:
    async with AnswerChecker(AnswerCheckerSettings(symbolic=False)) as checker:
        assert await checker.check("42", "x + y") is Verdict.DIFFERENT
        assert await checker.check("x", "y") is Verdict.UNDECIDED
        assert checker._sandbox is None


async def test_symbolic_answers(checker: AnswerChecker) -> None:
    verdicts = await checker.check_many((expected, given) for expected, given, _ in SYMBOLIC)
    for (expected, given, verdict), found in zip(SYMBOLIC, verdicts, strict=True):
        assert found is verdict, (expected, given)


async def test_the_examples_of_the_documented_convention_hold(checker: AnswerChecker) -> None:
    rows = [line.split("|")[3:5] for line in CONVENTION.read_text().splitlines() if line.startswith("| ")][1:]
    examples = [
        (*pair, verdict)
        for row in rows
        for cell, verdict in zip(row, (Verdict.EQUAL, Verdict.DIFFERENT), strict=True)
        for pair in re.findall("`([^`]+)` and `([^`]+)`", cell)
    ]
    assert len(examples) > 30
    verdicts = await checker.check_many((expected, given) for expected, given, _ in examples)
    wrong = [(*example, found) for example, found in zip(examples, verdicts, strict=True) if example[2] is not found]
    assert wrong == []


async def test_hostile_answers_are_never_equal_and_never_late() -> None:
    async with AnswerChecker(AnswerCheckerSettings(check_wall_s=2)) as checker:
        for answer in HOSTILE:
            assert await checker.check("3x", answer) is not Verdict.EQUAL, answer[:20]
        assert await checker.check("x+1", "1+x") is Verdict.EQUAL


async def test_a_pair_that_ends_its_process_leaves_the_others_their_verdicts() -> None:
    nested = (
        r"\sqrt{28+2(\sqrt6+\sqrt{10}+\sqrt{14}+\sqrt{22}+\sqrt{15}+\sqrt{21}+\sqrt{33}+\sqrt{35}+\sqrt{55}+\sqrt{77})}"
    )
    endless, easy = (r"\sqrt2+\sqrt3+\sqrt5+\sqrt7+\sqrt{11}", nested), ("x+1", "1+x")
    async with AnswerChecker(AnswerCheckerSettings(check_wall_s=5, max_concurrent_checks=1)) as checker:
        verdicts = await checker.check_many([easy, endless, easy, easy])
    assert verdicts == [Verdict.EQUAL, Verdict.UNDECIDED, Verdict.EQUAL, Verdict.EQUAL]


async def test_one_process_serves_many_pairs_and_is_renewed() -> None:
    settings = AnswerCheckerSettings(max_concurrent_checks=1, pairs_per_process=2, check_wall_s=10)
    async with AnswerChecker(settings) as checker:
        for served in (1, 2, 1):
            assert await checker.check("x+1", "1+x") is Verdict.EQUAL
            assert [comparer.served for comparer in checker._idle] == ([served] if served < 2 else [])


async def test_a_jail_that_dies_loses_no_verdict_and_is_counted() -> None:
    before, stats = _jails(), SandboxStats()
    async with AnswerChecker(AnswerCheckerSettings(check_wall_s=10), stats) as checker:
        assert await checker.check("x+1", "1+x") is Verdict.EQUAL
        dead = [process for jail in _jails() - before for process in (*jail.children(recursive=True), jail)]
        for process in dead:
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended with its parent
                process.kill()
        await asyncio.to_thread(psutil.wait_procs, dead, 30)
        assert await checker.check("x+2", "2+x") is Verdict.EQUAL
    assert stats.failures >= 1


def _jails() -> set[psutil.Process]:
    return {child for child in psutil.Process().children() if _is_jail(child)}


def _is_jail(process: psutil.Process) -> bool:
    try:
        return "nsjail" in process.name()
    except psutil.NoSuchProcess:
        return False


async def test_a_cancelled_comparison_leaves_no_process_to_the_next(checker: AnswerChecker) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await checker.check("x+1", "1+x")
    assert await checker.check("x+1", "1+x") is Verdict.EQUAL
    assert len(checker._idle) == 1


async def test_many_pairs_raise_as_one_does_where_code_cannot_be_isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise SandboxUnavailable("no namespaces here")

    monkeypatch.setattr(interpreter, "require_host", refuse)
    async with AnswerChecker() as checker:
        with pytest.raises(SandboxUnavailable, match="no namespaces"):
            await checker.check_many([("x+1", "1+x"), ("x+2", "2+x")])
        assert await checker.check("1", "1.0") is Verdict.EQUAL  # it needs no isolation


def test_the_end_of_a_long_text_is_read() -> None:
    text = "Some words about it. " * 10_000 + r"So the answer is $\boxed{42}$."
    assert compare_plain("42", text) is Verdict.EQUAL
    assert compare_plain("41", text) is Verdict.DIFFERENT


def test_a_million_digits_differ_from_an_ordinary_number() -> None:
    assert compare_plain("42", "1" * 1_000_000) is Verdict.DIFFERENT
    assert compare_plain("1" * 1_000_000, "1" * 1_000_000) is Verdict.EQUAL


async def test_a_match_with_one_of_several_accepted_answers_is_enough(checker: AnswerChecker) -> None:
    references = ("1/2", r"\sqrt{2}", "no solution")
    given = ("0.5", "1.41421", r"\emptyset", "2")
    verdicts = await checker.check_many([(references, answer) for answer in given])
    assert verdicts == [Verdict.EQUAL, Verdict.EQUAL, Verdict.EQUAL, Verdict.DIFFERENT]


async def test_a_checker_whose_sandbox_fails_gives_no_verdict(checker: AnswerChecker) -> None:
    assert await checker.check("x+1", "1+x") is Verdict.EQUAL
    assert checker._sandbox is not None
    await checker._sandbox.close()
    with pytest.raises(AnswerCheckFailed, match="not compared"):
        await checker.check("x+1", "2+x")


async def test_a_reference_that_cannot_be_read_is_unreadable(checker: AnswerChecker) -> None:
    for reference in ("", r"\boxed{}", "x" * 5_000, r"\foo + \bar"):
        assert await checker.check(reference, "y") is Verdict.UNREADABLE, reference[:20]
        assert not await checker.can_read(reference), reference[:20]
    assert await checker.check(("", "5"), "5") is Verdict.EQUAL
    for reference in ("5", "x+1", "(1, 2)", r"\frac{\pi}{4}"):
        assert await checker.can_read(reference), reference


async def test_undecided_comparisons_are_counted_by_reason() -> None:
    stats = SandboxStats()
    async with AnswerChecker(AnswerCheckerSettings(check_wall_s=10), stats) as checker:
        assert await checker.check(r"\arctan 2 + \arctan 3", r"\frac{3\pi}{4}") is Verdict.UNDECIDED
        assert await checker.check("x+1", "y" * 5_000) is Verdict.UNDECIDED
    assert stats.undecided == {"algebra does not confirm equal values": 1, "an answer that is too long": 1}
