import pytest

from store.dedup import dedup_key, normalised_code
from store.records import Segment, SegmentKind


def key(*code: str, answer: str = "1") -> bytes:
    return dedup_key([Segment(SegmentKind.CODE, block) for block in code], answer)


@pytest.mark.parametrize(
    "other",
    [
        "total = 3 * 7\nprint(total)",
        "x=3*7 # multiply\n\n\nprint( x )",
        "x = (3 * 7)\nprint(x)",
    ],
)
def test_names_comments_and_layout_make_no_other_solution(other):
    assert key(other) == key("x = 3 * 7\nprint(x)")


@pytest.mark.parametrize(
    "other",
    ["x = 7 * 3\nprint(x)", "x = 3 * 8\nprint(x)", "x = 3 * 7\nprint(-x)", "y = x = 3 * 7\nprint(x)", "print(3 * 7)"],
)
def test_another_program_is_another_solution(other):
    assert key(other) != key("x = 3 * 7\nprint(x)")


def test_another_answer_is_another_solution():
    assert key("print(1)", answer="1") == key("print(1)", answer=" 1 ") != key("print(1)", answer="2")


def test_names_of_functions_arguments_and_imports_are_local_too():
    one = "import sympy as s\ndef f(a, b=1):\n    return s.gcd(a, b)\nprint(f(4, 6))"
    two = "import sympy as sp\ndef g(m, n=1):\n    return sp.gcd(m, n)\nprint(g(4, 6))"
    assert key(one) == key(two) != key(two.replace("gcd", "lcm"))


def test_what_is_imported_and_builtin_keeps_its_name():
    assert normalised_code("print(max(1, 2))") != normalised_code("print(min(1, 2))")
    assert normalised_code("from math import gcd") != normalised_code("from math import lcm")


def test_names_are_shared_by_the_blocks_of_a_solution():
    assert key("a = 1", "print(a)") == key("b = 1", "print(b)")
    assert key("a = 1\nb = 2", "print(a)") != key("a = 1\nb = 2", "print(b)")


@pytest.mark.parametrize(
    "wild", ["def broken(:", "x = (" * 5000, "-" * 15000 + "1", "a" * 100_000, "x = '\0'", "\ud800 = 1", "1" * 5000]
)
def test_code_that_does_not_parse_is_compared_by_its_words(wild):
    assert key(wild) == key(f"{wild}  ")
    assert key(wild) != key(f"{wild} + 1")


def test_a_solution_without_code_is_compared_by_its_words():
    one, two = ([Segment(SegmentKind.TEXT, text)] for text in ("so  it is\n1", "so it is 2"))
    assert dedup_key(one, "1") == dedup_key([Segment(SegmentKind.TEXT, "so it is 1")], "1") != dedup_key(two, "1")
