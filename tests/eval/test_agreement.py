"""Cohen's kappa, against examples that were computed by hand."""

import math

import pytest

from eval.agreement import cohen_kappa, overall, pair_agreements
from store.records import PairCount, ReviewKind, ReviewVerdict

A, R, U, E = ReviewVerdict.ACCEPT, ReviewVerdict.REJECT, ReviewVerdict.UNSURE, ReviewVerdict.EDIT
SOLUTION, LABEL = ReviewKind.SOLUTION, ReviewKind.LABEL


def test_kappa_is_what_a_calculation_by_hand_gives() -> None:
    """Of 50 items both accept 20 and reject 15: p_o = .7, p_e = .5 * .6 + .5 * .4 = .5, kappa = .4."""
    found = cohen_kappa({("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15})
    assert (found.items, found.observed) == (50, 0.7)
    assert found.kappa == pytest.approx(0.4)
    assert found.error == pytest.approx(math.sqrt(0.7 * 0.3 / 50) / 0.5)


def test_three_categories() -> None:
    """p_o = .8, p_e = .6 * .6 + .3 * .3 + .1 * .1 = .46, kappa = .34 / .54."""
    table = {("a", "a"): 5, ("a", "r"): 1, ("r", "r"): 2, ("r", "a"): 1, ("u", "u"): 1}
    assert cohen_kappa(table).kappa == pytest.approx(0.34 / 0.54)


@pytest.mark.parametrize(
    ("table", "kappa"),
    [
        ({("a", "a"): 3, ("r", "r"): 3}, 1.0),
        ({("a", "r"): 3, ("r", "a"): 3}, -1.0),
        ({("a", "a"): 1, ("a", "r"): 1, ("r", "a"): 1, ("r", "r"): 1}, 0.0),
        ({("a", "a"): 9}, None),
        ({("a", "r"): 9}, 0.0),
    ],
)
def test_full_agreement_none_and_what_chance_gives(table: dict[tuple[str, str], int], kappa: float | None) -> None:
    assert cohen_kappa(table).kappa == kappa


def test_without_a_common_item_there_is_no_agreement() -> None:
    with pytest.raises(ValueError, match="no item"):
        cohen_kappa({})
    assert overall([], LABEL) is None


def test_pairs_are_kept_apart_by_kind_and_an_edit_is_a_rejection() -> None:
    counts = [
        PairCount(SOLUTION, "ada", "bob", A, A, 2),
        PairCount(SOLUTION, "ada", "bob", E, R, 1),
        PairCount(SOLUTION, "ada", "bob", R, R, 1),
        PairCount(LABEL, "ada", "bob", A, R, 4),
    ]
    label, solution = pair_agreements(counts)
    assert (label.kind, label.agreement.observed) == (LABEL, 0.0)
    assert (solution.kind, solution.agreement.items, solution.agreement.kappa) == (SOLUTION, 4, 1.0)


def test_all_pairs_together_are_weighted_by_their_items() -> None:
    counts = [
        PairCount(SOLUTION, "ada", "bob", A, A, 30),
        PairCount(SOLUTION, "ada", "bob", R, R, 30),
        PairCount(SOLUTION, "ada", "eve", A, R, 10),
        PairCount(SOLUTION, "ada", "eve", R, A, 10),
        PairCount(SOLUTION, "bob", "eve", A, A, 20),
    ]
    found = overall(pair_agreements(counts), SOLUTION)
    assert found is not None
    assert (found.items, found.observed) == (100, 0.8)
    assert found.kappa == pytest.approx((60 * 1 + 20 * -1) / 80)
