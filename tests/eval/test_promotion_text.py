"""Decisions on promotion in plain words."""

from dataclasses import asdict

from eval.comparison import Comparison
from eval.promotion_text import describe_assessment, p_value_texts
from store.records import Decision

GAINED = Comparison(0.62, 0.6, 0.02, 400, 0.011, -0.002, 0.042, gained=20, lost=12)
STORED = {"rule": "better", "reason": "it is better than policy 2", "p_value": 0.0123, "error": 0.05}


def test_a_decision_is_told_with_its_reason_its_interval_and_its_test() -> None:
    assert describe_assessment(Decision.PROMOTED, STORED | {"comparison": asdict(GAINED)}) == (
        "promoted: it is better than policy 2; +2.0 ± 1.1 points on 400 problems (95 % interval -0.2 to +4.2); "
        "20 gained, 12 lost; p = 0.012, where at most 0.05 promotes"
    )


def test_a_decision_without_a_comparison_has_a_reason_alone() -> None:
    assert describe_assessment(Decision.PROMOTED, {"reason": "it is the first"}) == "promoted: it is the first"
    assert describe_assessment(Decision.NOT_PROMOTED, {}) == "not promoted: decided by an earlier version"


def test_small_p_values_are_bounded() -> None:
    assert p_value_texts(STORED | {"p_value": 1e-9}) == ("< 0.0001", "0.05")
    text = describe_assessment(Decision.PROMOTED, STORED | {"p_value": 1e-9, "comparison": asdict(GAINED)})
    assert text.endswith("p < 0.0001, where at most 0.05 promotes")


def test_the_rule_that_always_promotes_tests_nothing() -> None:
    assert p_value_texts(STORED | {"rule": "always"}) == ("", "")
