"""The written forms of answers that need no symbolic mathematics. docs/equivalence.md states the convention."""

import pytest

from sandbox.equivalence import Verdict, compare_plain
from sandbox.guest.answers.lists import read_listing, read_rows
from sandbox.guest.answers.notation import final_answer, normalise
from sandbox.guest.answers.quantities import read_number
from sandbox.guest.answers.units import read_unit

EQUAL = {
    "text around": [
        ("42", " 42. "),
        ("42", "$42$"),
        ("42", r"\boxed{42}"),
        ("42", r"\(42\)"),
        ("42", r"$\boxed{42}.$"),
    ],
    "integers": [
        ("1234567", "1,234,567"),
        ("1234567", "1 234 567"),
        ("-3", "−3"),
        ("12345", r"12,\!345"),
        ("7", "007"),
    ],
    "decimals": [
        ("0.5", ".50"),
        ("0.5", "1/2"),
        ("1/3", "0.3333"),
        ("1.22", "1,22"),
        ("1/432", r"2.3148 \times 10^{-3}"),
    ],
    "fractions": [(r"\frac{1}{2}", "1/2"), (r"-\frac{3}{4}", "-0.75"), (r"\frac12", r"\dfrac{2}{4}")],
    "mixed numbers": [("1.5", "1 1/2"), ("2.625", r"2\frac58"), ("-1.5", r"-1\frac{1}{2}")],
    "percentages": [("10%", "10"), (r"10\%", "0.1"), ("28%", "28 percent"), ("0.1", r"10\%")],
    "currency": [("5", r"\$5"), ("$5.00", "5 dollars"), ("1.50", "€1.50"), ("3000000", r"\$3 million")],
    "units": [
        ("58", "58 square units"),
        ("10", "10weeks"),
        ("10", "10 cm^2"),
        ("5 m", r"500\text{ cm}"),
        ("10 metres", "10 m"),
        ("10 cm", "10cm"),
        (r"10\text{ m}", "10"),
        ("45", r"45^\circ"),
        (r"12\text{ apples}", "12"),
    ],
    "compound units": [("5 m/s", "18 km/h"), ("60 mph", "60 miles per hour"), ("100", "100 km/h")],
    "inequalities": [("(2, 5]", r"2 < x \leq 5"), (r"[3, \infty)", r"x \ge 3")],
    "Python": [("x^2 - 1", "x**2 - 1"), (r"(3, \sqrt{2})", "(3, sqrt(2))")],
    "other bases": [("66_8", "66"), ("1011_2", "1011_{2}")],
    "times": [("20:34:00", "20:34"), ("8:00 a.m.", "8:00 AM"), ("8:00", r"8\text{:00 p.m.}"), ("20:34", "8:34 p.m.")],
    "words": [(r"\text{Even}", "even"), (r"\text{(C)}", r"\textbf{C}"), (r"\text{(C)}", "(C) 12"), ("no", "No")],
    "named numbers": [("seven", "7"), ("42", "forty-two")],
    "names": [("3", "x = 3"), ("x = 3", "3"), ("x_1 = 3", "3"), ("3", r"f(x) = 3")],
    "lists": [
        ("1, 3, 2", "1, 2, 3"),
        ("1, 2", r"1 \text{ and } 2"),
        (r"\{1, 2\}", "2, 1"),
        ("19, 46 and 82", "82,46,19"),
    ],
    "points and intervals": [("(1, 2)", "(1.0, 4/2)"), (r"[0.5, \infty)", r"x \in [1/2, \infty)"), ("(1;2)", "(1,2)")],
    "assignments": [("k = 45, n = 2", "n = 2, k = 45"), ("p=5,q=2;p=7,q=2", "p = 7, q = 2 and p = 5, q = 2")],
    "matrices": [
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{bmatrix}1.0\\2\end{bmatrix}"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "(1, 2)"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "Matrix([[1, 2], [3, 4]])"),
    ],
    "several boxes": [("1, 2", r"\boxed{1} and \boxed{2}"), ("7", r"First \boxed{3} is wrong. Hence it is \boxed{7}")],
}
DIFFERENT = {
    "integers": [("42", "41"), ("42", "-42"), ("1000", "1001"), ("42", ""), ("42", r"\boxed{}")],
    "decimals": [("1/3", "0.33"), ("0.5", "0.75"), ("7e35", "7.1e35"), ("0.0001", "0.0002"), ("1/1000", "1/1001")],
    "mixed numbers": [("11/2", "1 1/2")],
    "percentages": [("10%", "0.1%"), ("10%", "11"), ("20%", "20 miles"), ("0.1", "0.2%")],
    "units": [("10 cm", "10 m"), ("10 cm", "10 cm^2"), ("10", "10cm"), ("5 hours", "5 kg")],
    "other bases": [("1110_4", "1110_5"), ("1110_4", "1111_4"), ("66_{8}", "67")],
    "times": [("12:00", "1:00"), ("8:00 am", "8:00 pm"), ("8:34", "20:35")],
    "words": [("yes", "no"), (r"\text{A}", r"\text{B}")],
    "names": [("x = 3", "x = 4")],
    "lists": [("1, 2", "1, 3"), ("1, 2, 3", "1, 2"), (r"\{1, 1, 2\}", r"\{1, 2, 2, 3\}")],
    "points and intervals": [("(1, 2)", "(2, 1)"), ("[1, 2)", "[1, 2]"), ("(1, 2, 3)", "(1, 2)")],
    "assignments": [("k = 1, n = 2", "k = 2, n = 1"), ("p=5,q=3;p=7,q=2", "p=5,q=2;p=7,q=3")],
    "matrices": [(r"\begin{pmatrix} 1 & 2 \end{pmatrix}", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}")],
}
NEEDS_MATHEMATICS = [("x+1", "1+x"), (r"\sqrt{2}", "1.4142"), ("5 m", "5"), ("2 pi", "2"), ("10 ab", "10"), ("x", "X")]


def pairs(forms: dict[str, list[tuple[str, str]]]) -> list[tuple[str, str, str]]:
    return [(form, expected, given) for form, examples in forms.items() for expected, given in examples]


@pytest.mark.parametrize(("form", "expected", "given"), pairs(EQUAL))
def test_forms_of_one_answer_are_equal(form: str, expected: str, given: str) -> None:
    assert compare_plain(expected, given) is Verdict.EQUAL, form


@pytest.mark.parametrize(("form", "expected", "given"), pairs(DIFFERENT))
def test_other_answers_of_a_form_are_different(form: str, expected: str, given: str) -> None:
    assert compare_plain(expected, given) is Verdict.DIFFERENT, form


@pytest.mark.parametrize(("expected", "given"), NEEDS_MATHEMATICS)
def test_answers_that_need_mathematics_are_not_decided(expected: str, given: str) -> None:
    assert compare_plain(expected, given) is None


def test_a_box_is_stripped_only_if_it_holds_the_whole_answer() -> None:
    assert normalise(r"\boxed{1}{2}") == r"\boxed{1}{2}"


def test_the_last_phrase_with_boxes_is_the_answer() -> None:
    assert final_answer(r"By \boxed{1}. Then $x = \boxed{2}$ and $y = \boxed{3}$.") == "x = 2, y = 3"


def test_numbers_too_large_to_compute_are_not_read() -> None:
    assert read_number("1e999999999") is None
    assert read_number("1" * 1_000) is None
    assert read_number("1/0") is None


def test_units_know_their_dimension_and_size() -> None:
    metre, centimetre = read_unit("square metres"), read_unit("cm^2")
    assert metre is not None
    assert centimetre is not None
    assert metre[0] == centimetre[0]
    assert metre[1] == 10_000 * centimetre[1]
    assert read_unit("furlong") is None


def test_unbalanced_brackets_are_no_list() -> None:
    assert read_listing("(1, 2") is None
    assert read_listing("1), (2") is None


def test_set_builders_are_no_lists() -> None:
    assert read_listing(r"\{x | x > 1, x < 2\}") is None


def test_rows_and_cells_of_a_matrix() -> None:
    assert read_rows(r"\begin{array}{cc} 1 & 2 \\ 3 & 4 \end{array}") == ("matrix", [["1", "2"], ["3", "4"]])
