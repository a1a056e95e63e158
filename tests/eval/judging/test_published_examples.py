"""The rules' verdicts on the examples that their projects publish.

Qwen's are those of the tests of its grader (github.com/QwenLM/Qwen2.5-Math, evaluation/grader.py) and the comments
above them, which are from ToRA's. Minerva's are from the listing and the comments of appendix D of arXiv 2206.14858,
OCW's from the prompt and the units there.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from eval.judging.minerva import MinervaRule, normalise_final_answer
from eval.judging.ocw import OcwRule, same_number, without_units
from eval.judging.qwen import QwenRule
from sandbox.equivalence import AnswerChecker

CASES = Path(__file__).parents[4] / "shared/data/equivalence/cases.jsonl"
pytestmark = pytest.mark.asyncio(loop_scope="session")

QWEN = [
    ("10", "10", True),
    ("10", "20", False),
    ("10%", "0.1", True),
    ("10%", "0.2", False),
    ("[1, 2, 3]", "[1, 2, 3]", True),
    ("[1, 2, 3]", "[1, 2, 4]", False),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", True),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\3&5\end{pmatrix}", False),
    ("x = y", "x = y", True),
    ("x = y", "x = z", False),
    ("x = 10", "10", True),
    ("10", "x = 10", True),
    ("0.0833333333333333", r"\frac{1}{12}", True),
    ("(1,4.5)", r"(1,\frac{9}{2})", True),
    (r"\frac{x}{7}+\frac{2}{7}", r"\frac{x+2}{7}", True),
    (r"\sec^2(y)", r"\tan^2(y)+1", True),
    (
        r"\begin{pmatrix}-\frac{7}{4}&-2\\4&\frac{1}{4}\end{pmatrix}",
        r"(\begin{pmatrix}-\frac{7}{4}&-2\\4&\frac{1}{4}\\\end{pmatrix})",
        True,
    ),
    (
        r"-\frac{8x^2}{9(x^2-2)^{5/3}}+\frac{2}{3(x^2-2)^{2/3}}",
        r"-\frac{2(x^2+6)}{9(x^2-2)\sqrt[3]{x^2-2}^2}",
        True,
    ),
    ("-34x-45y+20z-100=0", "34x+45y-20z+100=0", True),
    (
        r"\frac{\sqrt{\sqrt{11}+\sqrt{194}}}{2\sqrt{33}+15}",
        r"\frac{\sqrt{\sqrt{11}+\sqrt{194}}}{15+2\sqrt{33}}",
        True,
    ),
    ("(0.6,2.6667]", r"(\frac{3}{5},\frac{8}{3}]", True),
    ("(+5)(b+2)", "(a+5)(b+2)", False),
    (r"\frac{1+\sqrt{5}}{2}", "2", False),
    (r"\frac{34}{16}+\frac{\sqrt{1358}}{16}", "4", False),
    ("1", r"1\\sqrt{19}", False),
    ("x+1", "x+2n+1", False),
]

MINERVA = [
    (r"\frac12", r"\frac{1}{2}"),
    (r"\sqrt2", r"\sqrt{2}"),
    ("100,000", "100000"),
    ("x = 5", "5"),
    (r"10\text{ square units}", "10"),
    (r"$\boxed{5\%}$", r"5\%"),
    (r"45^\circ", "45"),
    (r"2\pi cm", r"2\pi"),
    ("a dozen", "dozen"),
    (r"\left(3,4\right)", r"\left(3,4\right)"),
    ("0,1", "0,1"),
]

OCW = [
    ("2", "+2", True),
    ("0.5", "0.5 eV", True),
    ("45", r"$45 \mathrm{~cm}$", True),
    ("1.6e-19", r"1.6 \times 10^{-19}", True),
    ("-5", "-5", True),
    ("9.8", "9.81", False),
    ("3", "4", False),
    ("y=2x", "y = 2 x", True),
    ("y=2x", "y = 3x", False),
    ("y=2x", "2x", False),
    (r"\frac{1}{b-a}\left(e^{-a t}-e^{-b t}\right)", r"\left(e^{-a t}-e^{-b t}\right) \frac{1}{b-a}", True),
    ("s^{2}+b s+1", "s^{2}+1+b s", True),
    ("s^{2}+b s+1", "s^{2}-b s+1", False),
]


@pytest.mark.parametrize(("given", "expected", "equal"), QWEN)
async def test_qwens_examples(checker: AnswerChecker, given: str, expected: str, equal: bool) -> None:
    assert await QwenRule(checker).equal(given, expected) is equal


@pytest.mark.parametrize(("text", "normalised"), MINERVA)
async def test_minervas_normalisation(text: str, normalised: str) -> None:
    assert normalise_final_answer(text) == normalised


@pytest.mark.parametrize(("reference", "given", "equal"), OCW)
async def test_the_forms_of_ocwcourses(checker: AnswerChecker, reference: str, given: str, equal: bool) -> None:
    assert await OcwRule(checker).is_right(reference, given) is equal


async def test_minerva_compares_by_algebra_what_is_written_in_another_way(checker: AnswerChecker) -> None:
    rule = MinervaRule(checker)
    assert await rule.is_right("x^2+2x+1", "(x+1)^2")
    assert not await rule.is_right("x^2+2x+1", "(x+2)^2")
    assert not await rule.is_right("5", "")


async def test_numbers_of_ocwcourses_have_a_tolerance_of_rounding_alone() -> None:
    assert same_number(0.0, 0.0)
    assert same_number(1.000001, 1.0)
    assert not same_number(1.001, 1.0)
    assert not same_number(0.01, 0.0)
    assert without_units(r"3 \mathrm{~kg} \cdot \mathrm{m} / \mathrm{s}") == "3"


async def test_qwen_takes_an_answer_in_per_cent_for_its_share(checker: AnswerChecker) -> None:
    """Where ours differs: the policy is given the benefit of the doubt by a factor of a hundred."""
    rule = QwenRule(checker)
    assert await rule.is_right("50", "0.5")
    assert await rule.is_right("0.5", r"50\%")
    assert not await rule.is_right("50", "5")


async def test_an_answer_in_which_code_is_hidden_is_not_run_here(checker: AnswerChecker, tmp_path: Path) -> None:
    marker = tmp_path / "run"
    hostile = f"__import__('pathlib').Path({str(marker)!r}).touch()"
    for rule in (QwenRule(checker), MinervaRule(checker), OcwRule(checker)):
        assert not await rule.is_right("5", hostile)
        assert not await rule.is_right("x+1", hostile)
        assert not await rule.is_right("2", "9**9**9**9")
    assert not marker.exists()


@pytest.mark.skipif(not CASES.is_file(), reason=f"needs {CASES}")
async def test_the_cases_of_public_checkers_that_the_rules_descend_from(checker: AnswerChecker) -> None:
    """Hendrycks' tests, which both rules begin with, and those of harnesses that use the normalisation.

    The cases that are left: a doubled backslash, and `\\approx`; for Minerva besides, an equation, of which it reads
    the right side alone, and per cent signs, which it keeps.
    """
    rules = {"qwen": QwenRule(checker), "minerva": MinervaRule(checker)}
    agreed: Counter[tuple[str, str]] = Counter()
    for case in map(json.loads, CASES.read_text().splitlines()):
        for name, rule in rules.items():
            if case["set"] in ("hendrycks", "nemo_skills", "slime"):
                verdict = await rule.is_right(case["reference"], case["prediction"])
                agreed[name, case["set"]] += verdict is case["is_equivalent"]

    assert (agreed["qwen", "hendrycks"], agreed["minerva", "hendrycks"]) == (8, 7)  # of 9
    assert (agreed["qwen", "nemo_skills"], agreed["minerva", "nemo_skills"]) == (12, 11)  # of 15
    assert (agreed["qwen", "slime"], agreed["minerva", "slime"]) == (2, 2)  # of 2
