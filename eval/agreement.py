"""Agreement of reviewers: Cohen's kappa of each pair, and of all of them together."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from store.records import PairCount, ReviewKind, ReviewVerdict

type Table = Mapping[tuple[str, str], int]
"""How many items the first reviewer put into one category and the second into another: {(first, second): items}."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far decisions on the same items agree.

    `observed` is the share of items on which they are the same; `kappa` is None where chance alone would give full
    agreement, as if all decided the same way throughout. `error` is its standard error.
    """

    items: int
    observed: float
    kappa: float | None
    error: float | None


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """The agreement of two reviewers on items of a kind."""

    kind: ReviewKind
    first: str
    second: str
    agreement: Agreement


def cohen_kappa(table: Table) -> Agreement:
    """Cohen's kappa, (p_o - p_e) / (1 - p_e), with the standard error that Cohen (1960) gives.

    p_o is the share of items on which both agree, p_e the share that would be expected if each kept their own rates of
    the categories and decided at random: the sum over categories of the product of both shares.

    Raises:
        ValueError: the table is empty.
    """
    items = sum(table.values())
    if items == 0:
        raise ValueError("no item was decided by both")
    observed = sum(count for (first, second), count in table.items() if first == second) / items
    rows, columns = _margins(table)
    expected = sum(rows[name] * columns[name] for name in rows) / items**2
    if math.isclose(expected, 1.0):
        return Agreement(items, observed, None, None)
    kappa = (observed - expected) / (1 - expected)
    error = math.sqrt(observed * (1 - observed) / items) / (1 - expected)
    return Agreement(items, observed, kappa, error)


def pair_agreements(counts: Iterable[PairCount]) -> list[PairAgreement]:
    """The agreement of each pair of reviewers by kind of item. To edit a solution counts as rejecting it."""
    tables: dict[tuple[ReviewKind, str, str], dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for one in counts:
        verdicts = _category(one.first_verdict), _category(one.second_verdict)
        tables[one.kind, one.first, one.second][verdicts] += one.items
    return [PairAgreement(*of, cohen_kappa(table)) for of, table in sorted(tables.items())]


def overall(pairs: Sequence[PairAgreement], kind: ReviewKind) -> Agreement | None:
    """The agreement of all reviewers on items of a kind: the means over pairs, weighted by the items that each shares.

    So does Light (1971), without the weights; with them, two reviewers who share a few items do not count as much as
    two who share hundreds. Pairs without a kappa are left out of its mean. There is no error: pairs share reviewers.
    None if no two reviewers share an item of this kind.
    """
    found = [pair.agreement for pair in pairs if pair.kind is kind]
    items = sum(one.items for one in found)
    if items == 0:
        return None
    observed = sum(one.items * one.observed for one in found) / items
    known = [(one.items, one.kappa) for one in found if one.kappa is not None]
    weight = sum(count for count, _ in known)
    kappa = sum(count * value for count, value in known) / weight if known else None
    return Agreement(items, observed, kappa, None)


def _margins(table: Table) -> tuple[dict[str, int], dict[str, int]]:
    rows: dict[str, int] = defaultdict(int)
    columns: dict[str, int] = defaultdict(int)
    for (first, second), count in table.items():
        rows[first] += count
        columns[second] += count
    return rows, columns


def _category(verdict: ReviewVerdict) -> str:
    return (ReviewVerdict.REJECT if verdict is ReviewVerdict.EDIT else verdict).value
