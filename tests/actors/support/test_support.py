"""Each rule, the handwritten solutions, and programs that try to break the analysis."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from actors.support import Judgement, Rule, judge_support, with_support
from store.records import ExecutionRecord, Outcome, Purpose, Rollout, Segment, SegmentKind, Support

from .cases import CASES, Case
from .more_cases import MISSED, MORE_CASES
from .solutions import segments_of


def judge(solution: str, answer: str, question: str = "", executions: Sequence[ExecutionRecord] = ()) -> Judgement:
    return judge_support(segments_of(solution, answer), executions, answer, question)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.solution[:40])
def test_handwritten_solutions_are_judged_as_labelled(case: Case):
    assert judge(case.solution, case.answer, case.question).support is case.label


def test_only_the_known_ones_of_the_second_batch_are_missed():
    judged = [judge(case.solution, case.answer, case.question).support for case in MORE_CASES]
    missed = [i for i, (case, support) in enumerate(zip(MORE_CASES, judged, strict=True)) if support is not case.label]
    assert set(missed) == MISSED


@pytest.mark.parametrize(
    ("rule", "solution", "answer"),
    [
        (Rule.NO_CODE, "It is 42.", "42"),
        (Rule.IN_OUTPUT, ">>>print(6 * 7)\n<<<42\nIt is 42.", "42"),
        (Rule.FROM_OUTPUT, ">>>print(37 / 3)\n<<<12.333333333333334\nAbout 12.", "12"),
        (Rule.CHECKED, ">>>x = 9\nprint(x * 2 == 18)\n<<<True\nIt is 9.", "9"),
        (Rule.PRINTS_CONSTANT, ">>>print(42)\n<<<42\nIt is 42.", "42"),
        (Rule.ONE_OF_MANY, f">>>print([n * n for n in range(150)])\n<<<{[n * n for n in range(150)]}\nIt is 16.", "16"),
        (Rule.ALL_BLOCKS_FAILED, ">>>print(a)\n<<<NameError: name 'a' is not defined\nIt is 42.", "42"),
        (Rule.INTERPRETED, ">>>print(2 + 1)\n<<<3\nThe third day is Wednesday.", "Wednesday"),
        (Rule.CODE_DISAGREED, ">>>print(6 * 8)\n<<<48\nIt is 42.", "42"),
        (Rule.IN_QUESTION, ">>>print(2 * 2, 3 * 3)\n<<<4 9\nIt is 42.", "42"),
        (Rule.NOT_IN_OUTPUT, ">>>x = 6 * 8\n<<<\nIt is 43.", "43"),
    ],
)
def test_each_rule_decides_its_example(rule: Rule, solution: str, answer: str):
    assert judge(solution, answer, "Of 42 pears, how many?").rule == rule.value


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        ("1.5", "3/2"),
        ("1.5", r"\frac{3}{2}"),
        ("3/2", "1.5"),
        ("sqrt(2)/2", r"\frac{\sqrt{2}}{2}"),
        ("0.7071067811865476", r"\frac{\sqrt{2}}{2}"),
        ("sqrt(2)*(1008 + 1008*sqrt(3))", r"1008\sqrt{2} + 1008\sqrt{6}"),
        ("16*x**2 + 4*x + 5", "16x^2+4x+5"),
        ("Total: 1,234 dollars", "1234"),
        ("{x: 1.00000000000000, y: 7.00000000000000}", "(1, 7)"),
        ("Union(Interval.open(-oo, 1), Interval.open(1, oo))", r"(-\infty, 1) \cup (1, \infty)"),
        ("[(24/7, 5/7)]", r"r = \frac{5}{7}"),
        ("219.99999999999997", "220"),
        ("-7", "-7"),
    ],
)
def test_answers_are_found_by_value(output: str, answer: str):
    assert judge(f">>>print(compute())\n<<<{output}\nSo it is.", answer).rule == Rule.IN_OUTPUT.value


@pytest.mark.parametrize(
    "text",
    [
        "So 5 * 12 = 60.",
        r"Hence $5 \cdot 12 = 60$.",
        "He has 3 cars. 5 boxes * 12 pens = 60 pens.",
        r"The cost is $5 \text{ boxes} \times 12 = 60$.",
        "That is 72 - 12 = $60.",
    ],
)
def test_an_equation_with_a_number_of_an_output_supports_its_value(text: str):
    assert judge(f">>>print(3 * 4)\n<<<12\n{text}", "60").rule == Rule.FROM_OUTPUT.value


@pytest.mark.parametrize("text", ["So 5 * 11 = 60.", "So 6 * 10 = 60.", "So 12 = 60.", "So x + 12 = 60.", "12 and 60"])
def test_another_equation_supports_nothing(text: str):
    assert judge(f">>>print(3 * 4)\n<<<12\n{text}", "60").support is Support.UNSUPPORTED


@pytest.mark.parametrize(
    ("output", "answer"), [("x**2", "2"), ("421", "42"), ("7", "-7"), ("x2 = 5", "2"), ("4.2", "42"), ("1.3.1", "3")]
)
def test_digits_of_something_else_are_no_answer(output: str, answer: str):
    assert judge(f">>>print(compute())\n<<<{output}\nSo it is.", answer).support is Support.UNSUPPORTED


def test_a_failed_block_supports_what_it_printed_before_and_not_its_error():
    executions = [ExecutionRecord("error", "", stdout="41\n", stderr="ValueError: 42\n")]
    solution = ">>>print(6 * 7 - 1)\nraise ValueError(42)\n<<<41\nValueError: 42\nIt is done."
    assert judge(solution, "41", executions=executions).support is Support.SUPPORTED
    assert judge(solution, "42", executions=executions).rule == Rule.ALL_BLOCKS_FAILED.value


def test_a_text_that_looks_like_an_error_is_an_output_if_the_block_succeeded():
    executions = [ExecutionRecord("ok", "", stdout="IndexError: 42\n")]
    solution = ">>>print(name, 6 * 7)\n<<<IndexError: 42\nIt is 42."
    assert judge(solution, "42", executions=executions).support is Support.SUPPORTED


def test_later_blocks_know_the_names_of_earlier_ones():
    solution = ">>>x = 42\n<<<\nNow print it.\n>>>print(x)\n<<<42\nIt is 42."
    assert judge(solution, "42").rule == Rule.PRINTS_CONSTANT.value
    assert judge(solution.replace("x = 42", "x = 6 * 7"), "42").rule == Rule.IN_OUTPUT.value


def test_a_factor_of_one_computes_something_where_the_question_has_it():
    solution = ">>>print(42 * 1)\n<<<42\nIt is 42."
    assert judge(solution, "42", "What is 42 * 1?").support is Support.SUPPORTED
    assert judge(solution, "42", "What is 6 * 7?").support is Support.UNSUPPORTED


@pytest.mark.parametrize(
    "code",
    [
        "(" * 5_000 + "1" + ")" * 5_000,
        "[" * 9_000,
        "x = " + "1 + " * 4_000 + "1\nprint(x)",
        "-" * 15_000 + "1",
        "x = " + "not " * 4_000 + "1",
        "x" + ".a" * 9_000,
        "f" + "()" * 9_000,
        "\n".join(f"def f{n}(): return f{n + 1}() + f{n + 1}()" for n in range(300)) + "\nprint(f0())",
        "\n".join(f"{' ' * n}for i{n} in range(9):" for n in range(60)) + f"\n{' ' * 60}print(42)",
        "x = 'a'\n" + "x = f'{x}{x}{x}{x}'\n" * 200 + "print(x)",
        "x = [1]\n" + "x = [x, x]\n" * 200 + "print(x)",
        "x = {1: 2}\n" + "x = {1: x, 2: x}\n" * 200 + "print(x)",
        f"print({'9' * 15_000})",
        "print(42)\0",
        "print('\ud800')",
        "def f(): return f()\nprint(f())",
        "print('a' * 10 ** 12)",
        "print({[]: 1})",
        "print([1, 2][10 ** 50])",
        "from fractions import *\nprint(Fraction(0, 0), Fraction(1.5, 2))",
        "f = lambda: f()\nprint(f())",
        "x" * 1_000_000,
    ],
    ids=range(22),
)
def test_a_hostile_program_is_judged_in_bounded_steps(code: str):
    segments = (Segment(SegmentKind.CODE, code), Segment(SegmentKind.OUTPUT, "41"))
    assert judge_support(segments, (), "42", "").support is Support.UNSUPPORTED


HOSTILE_TEXTS = (
    "9" * 200_000,
    "1 " * 100_000,
    "1e999999 2e308 1/0",
    "\\frac{" * 3_000,
    "9**9**9**9",
    "((((" * 50,
    "-" * 3_000,
    "1,234," * 3_000,
    "x\n" * 50_000,
    "\0",
    "\ud800",
    "=" * 4_000,
)


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
@pytest.mark.parametrize("role", ["output", "answer", "question", "text"])
def test_a_hostile_text_is_judged(text: str, role: str):
    parts = {"output": "5", "answer": "42", "question": "How many?", "text": "It is 42."} | {role: text}
    segments = (
        Segment(SegmentKind.CODE, "print(compute())"),
        Segment(SegmentKind.OUTPUT, parts["output"]),
        Segment(SegmentKind.TEXT, parts["text"]),
    )
    assert judge_support(segments, (), parts["answer"], parts["question"]).support is not None


def test_a_computed_value_of_infinite_size_equals_no_list():
    assert judge(">>>print(compute())\n<<<1e400\nDone.", "1, 2, 3").support is Support.UNSUPPORTED


def test_only_accepted_rollouts_get_a_verdict():
    segments = segments_of(">>>print(42)\n<<<42\nIt is 42.", "42")
    rollout = Rollout("1-0", "p", Purpose.TRAIN, Outcome.ACCEPTED, "tir", (), (), (), segments=segments, answer="42")
    judged = with_support(rollout, "What is 6 times 7?")
    assert (judged.support, judged.support_rule) == (Support.UNSUPPORTED, "prints_constant")
    assert with_support(replace(rollout, outcome=Outcome.WRONG), "").support is None
