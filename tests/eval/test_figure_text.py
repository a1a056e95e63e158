"""Figures as they are printed."""

from dataclasses import replace

import pytest

from eval.comparison import Comparison
from eval.figure_text import (
    coverage,
    describe,
    describe_comparison,
    error_of,
    figure_lines,
    figure_points,
    gaps,
    interval_of,
    interval_points,
)
from store.runs.figures import Figure, Measured

FIGURE = Figure(0.842, 498, 0.0113, 0.82, 0.863, 2)
OLD = Figure(0.75, 100)


def test_a_figure_states_its_error_and_the_problems_that_it_lacks() -> None:
    assert describe("pass@8", FIGURE) == "pass@8 84.2 ± 1.1 (498 of 500 problems; 2 lack samples after system faults)"
    assert interval_points(FIGURE) == "82.0 to 86.3"


def test_a_figure_over_all_problems_states_their_number() -> None:
    assert coverage(replace(FIGURE, n=1500, missing=0)) == "1,500 problems"
    assert coverage(replace(FIGURE, n=1, missing=0)) == "1 problem"
    assert coverage(replace(FIGURE, missing=1)).endswith("499 problems; 1 lacks samples after system faults")


def test_a_figure_of_an_earlier_version_has_the_error_of_a_proportion() -> None:
    assert figure_points(OLD) == "75.0 ± 4.3"
    assert interval_of(OLD) == pytest.approx((0.75 - 1.96 * 0.0433, 0.75 + 1.96 * 0.0433), abs=1e-4)
    assert interval_of(replace(OLD, value=0.99)) == pytest.approx((0.9705, 1.0), abs=1e-4)


def test_a_figure_over_no_known_number_of_problems_has_no_error() -> None:
    unknown = Figure(0.5, 0)
    assert (error_of(unknown), interval_of(unknown)) == (None, None)
    assert (figure_points(unknown), interval_points(unknown)) == ("50.0", "")


def test_a_single_problem_has_an_interval_without_a_standard_error() -> None:
    assert figure_points(Figure(1.0, 1, None, 0.05, 1.0, 0)) == "100.0"
    assert interval_points(Figure(1.0, 1, None, 0.05, 1.0, 0)) == "5.0 to 100.0"


def test_a_difference_is_printed_with_its_sign_and_interval() -> None:
    gained = Comparison(0.62, 0.6, 0.023, 400, 0.011, 0.002, 0.045)
    assert describe_comparison(gained) == "+2.3 ± 1.1 points on 400 problems (95 % interval +0.2 to +4.5)"
    lost = Comparison(0.6, 0.62, -0.023, 400, None, -0.045, -0.002)
    assert describe_comparison(lost) == "-2.3 points on 400 problems (95 % interval -4.5 to -0.2)"


def test_what_was_measured_without_gaps_has_none() -> None:
    assert gaps(Measured({"pass@1": replace(FIGURE, missing=0)}), samples=1) == []


def test_gaps_are_missing_problems_attempts_without_a_verdict_and_unreadable_references() -> None:
    measured = Measured({"pass@1": replace(FIGURE, missing=0), "pass@8": FIGURE}, undecided=5, unverifiable=1)
    assert gaps(measured, samples=8) == [
        describe("pass@8", FIGURE),
        "5 attempts without a verdict of the checker, counted as not correct",
        "1 problem left out, because the reference cannot be read",
    ]


def test_the_log_has_every_figure_with_its_interval() -> None:
    measured = Measured({"pass@1": replace(FIGURE, n=500, missing=0)})
    assert figure_lines(measured, samples=1) == ["pass@1 84.2 ± 1.1 (500 problems), 95 % interval 82.0 to 86.3"]


def test_an_absent_figure_is_stated() -> None:
    assert gaps(Measured({"pass@1": FIGURE}), samples=8)[-1].startswith("no pass@8: no problem has all 8 samples")
