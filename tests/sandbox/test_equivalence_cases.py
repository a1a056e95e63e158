"""Pairs of answers by mathematicians' judgement, written without sight of the rules: see docs/equivalence.md."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.equivalence import AnswerChecker, Verdict

CASES = [json.loads(line) for line in Path(__file__).with_name("equivalence_cases.jsonl").read_text().splitlines()]
FALSE_POSITIVES_REPORTED = [
    (r"1-\frac{1}{\mathrm{e}}", r"1+\frac{1}{\mathrm{e}}"),
    (r"1-\frac{1}{\mathrm{e}}", "1"),
    (r"2\mathrm{i}", "2"),
    ("4", r"4\sqrt(2)"),
    (r"3+2\sqrt(2)", r"3-2\sqrt(2)"),
    (r"\frac{2^{100}+1}{3\cdot2^{101}}", r"\frac{1}{3\cdot2^{101}}"),
    (r"n=3k, k\in\mathbb{Z}", "3"),
    (r"x\equiv 3 \pmod 7", "3"),
    (r"x\equiv 3 \pmod 7", r"x\equiv 3 \pmod 5"),
    (r"\geq 4", "4"),
    (r"1:2:3:\ldots", r"1:4:9:\ldots"),
    ("f(x)=0", r"\forall x>0, f(x)=0"),
    ("1,000", "1,0,0,0"),
    (r"\frac{1}{N+1}", r"\frac{1}{n+1}"),
    ("3s^2", "q = 3"),
    ("7,-2", r"x \in [-2,7]"),
    (r"54\text{ gallons}", r"54^\circ"),
    ("N-n", "n-N"),
    ("f''(x)=6x", "f'(x)=6x"),
    ("x", "x+10^{-40}"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def checker() -> AsyncIterator[AnswerChecker]:
    async with AnswerChecker() as checker:
        yield checker


@pytest.mark.asyncio(loop_scope="module")
async def test_answers_that_are_equal_are_called_equal(checker: AnswerChecker) -> None:
    pairs = [(case["reference"], case["given"]) for case in CASES if case["equal"]]
    verdicts = await checker.check_many(pairs)
    assert [pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict is not Verdict.EQUAL] == []


@pytest.mark.asyncio(loop_scope="module")
async def test_answers_that_differ_are_never_called_equal(checker: AnswerChecker) -> None:
    pairs = [(case["reference"], case["given"]) for case in CASES if not case["equal"]] + FALSE_POSITIVES_REPORTED
    verdicts = await checker.check_many(pairs)
    assert [pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict is Verdict.EQUAL] == []
    assert verdicts.count(Verdict.DIFFERENT) >= 0.97 * len(pairs)
