"""Compares two answers form by form. The caller's `compare_expressions` decides where no form does."""

import re
from functools import partial

from sandbox.guest.answers.conditions import compare_congruences, compare_parametrised, compare_ratios
from sandbox.guest.answers.intervals import as_intervals, has_another_form
from sandbox.guest.answers.lists import Listing, both_signs, read_listing, read_rows
from sandbox.guest.answers.matching import Comparison, all_equal, match
from sandbox.guest.answers.notation import normalise, plain_text
from sandbox.guest.answers.prose import answer_in, answering_sentence, is_prose, without_dollars
from sandbox.guest.answers.python_notation import as_latex
from sandbox.guest.answers.quantities import (
    is_product,
    read_beside,
    read_clock,
    read_numeral,
    read_quantity,
    same_clock,
    same_numeral,
    same_quantity,
)

_DEPTH = 5  # of nested lists and names before them
_UNLIKE_INTERVALS = 3  # items of a point that cannot be an interval
_MEMBERSHIP = re.compile(r"\\in(?![a-zA-Z])|∈")
_IDLE_SPACE = re.compile(r"(?<![0-9])\s+|\s+(?![0-9])")
_NAME = r"[a-zA-Z](?:_\s*(?:\{[^{}]*\}|\w)|')*"
_ASSIGNED = re.compile(
    rf"(?P<name>\\?[a-zA-Z]+|\(\s*{_NAME}(?:\s*,\s*{_NAME})+\s*\)|{_NAME}(?:\s*:\s*{_NAME})+|{_NAME}(?:\s*\(\s*{_NAME}\s*\)|\^\{{-1\}}\({_NAME}\))?)\s*=(?P<value>[^=]+)"
)
_INEQUALITY = re.compile(r"[<>!≤≥≠]|\\(?:leq?|geq?|neq?|lt|gt)(?![a-zA-Z])")
_RELATION = re.compile(rf"=|{_INEQUALITY.pattern}")
_COMPOUND = re.compile(r"\)\s*[&|]\s*\(")
_HAS_VARIABLE = re.compile(r"(?<![a-zA-Z\\])[a-zA-Z](?![a-zA-Z])")
_LATEX_LOG = re.compile(r"\\log(?![a-zA-Z_])")
_CHOICE = re.compile(r"(?:\((?=[A-J]\)))?([A-J])(?:\)|[.:](?=\s))(?!.*\([A-J]\))\s*\S.*")
_CALLED = re.compile(r"(?:the )?(?:correct )?(?:option|choice|answer)(?: is|:)?\s+", re.IGNORECASE)
_QUALIFIED = re.compile(
    r"\bor (?:more|less|fewer|greater|above|below|higher|lower)\b|\bnot (?:equal to )?[-$\\(]*[0-9][^a-zA-Z]*$"
    r"|\bat (?:least|most)\b|\b(?:more|less|fewer|greater|higher|lower) than\b"
)
_LETTERS = re.compile(r"[^\W\d_](?:[\s'-]+[^\W\d_])+")
_WORDS = re.compile(r"\(?[^\W\d_]+\)?(?:[\s'-]+[^\W\d_]+)*")


def compare(
    expected: str, given: str, compare_expressions: Comparison, depth: int = _DEPTH, *, by_text: bool = True
) -> bool | None:
    """Whether two normalised answers are equal; None if undecided. Unless `by_text`, equal texts must be read too."""
    if not given or not expected:
        return False
    left, right = as_latex(expected, log=_logarithm(given)), as_latex(given, log=_logarithm(expected))
    if by_text and (expected == given or _spaceless(left) == _spaceless(right)):
        return True
    within = partial(compare, compare_expressions=compare_expressions, depth=depth - 1, by_text=by_text)
    if is_prose(left) or is_prose(right):
        for compare_form in (compare_congruences, compare_parametrised, _compare_intervals):
            verdict = compare_form(left.replace("$", ""), right.replace("$", ""), within) if depth > 0 else None
            if verdict is not None:
                return verdict
        return _compare_prose(expected, given, within if depth > 0 else compare_expressions, compare_expressions)
    left, right = without_dollars(left), without_dollars(right)
    verdict = _compare_single(left, right)
    if verdict is None and depth > 0:
        verdict = _compare_parts(left, right, within)
    return compare_expressions(left, right) if verdict is None else verdict


def _compare_prose(expected: str, given: str, within: Comparison, compare_expressions: Comparison) -> bool | None:
    """Compare the answers that sentences state; a sentence without one is compared as it is."""
    if _qualified(*(answering_sentence(text) if is_prose(text) else text for text in (expected, given))):
        return False
    parts = [(answer_in(text) or "") if is_prose(text) else text for text in (expected, given)]
    left, right = (normalise(part) or text for part, text in zip(parts, (expected, given), strict=True))
    if (left, right) == (expected, given):
        return compare_expressions(expected, given)
    return within(left, right)


def _logarithm(beside: str) -> str:
    """How to write Python's log() for a comparison with an answer whose `\\log` may mean the natural one."""
    return r"\log" if _LATEX_LOG.search(beside) else r"\ln"


def _compare_parts(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare compound answers by the first form that both have; `within` compares their parts."""
    forms = (
        compare_congruences,
        compare_parametrised,
        _compare_assigned,
        compare_ratios,
        _compare_rows,
        _compare_intervals,
        _compare_lists_of_one,
        _compare_signs,
        _compare_assignments,
        _compare_lists,
        _compare_equations,
    )
    verdicts = (compare_form(expected, given, within) for compare_form in forms)
    return next((verdict for verdict in verdicts if verdict is not None), None)


def _spaceless(text: str) -> str:
    """Remove spaces that have no meaning, unlike the one in `1 1/2`."""
    return _IDLE_SPACE.sub("", text.replace("$", ""))


def _compare_single(expected: str, given: str) -> bool | None:
    """Compare quantities, times of day and words."""
    if _qualified(expected, given):
        return False
    a, b = read_quantity(expected), read_quantity(given)
    a = a or (read_beside(b, expected) if b else None)
    b = b or (read_beside(a, given) if a else None)
    if a and b:
        return same_quantity(a, b)
    if (a and is_product(given)) or (b and is_product(expected)):
        return False
    numeral, other = read_numeral(expected), read_numeral(given)
    if numeral and other:
        return same_numeral(numeral, other)
    first, second = read_clock(expected), read_clock(given)
    if first and second:
        return same_clock(first, second)
    return _compare_words(expected, given)


def _qualified(expected: str, given: str) -> bool:
    """Whether only one of the answers has `or more` or `not` before its last number; inequalities aside."""
    if _INEQUALITY.search(expected + given):
        return False
    return bool(_QUALIFIED.search(expected)) != bool(_QUALIFIED.search(given))


def _compare_words(expected: str, given: str) -> bool | None:
    """Compare words in any case, with or without brackets. A single letter may be a variable, unless as \\text{}."""
    a, b = plain_text(expected), plain_text(given)
    a, b = _without_statement(a, b), _without_statement(b, a)
    if not (_WORDS.fullmatch(a) and _WORDS.fullmatch(b)):
        return None
    a, b = a.strip("()"), b.strip("()")
    if a == b:
        return True
    if any(_LETTERS.fullmatch(text) for text in (a, b)):  # a product or a difference of variables, whose case counts
        return None
    if len(a) == len(b) == 1 and "\\" not in expected + given:
        return None
    return a.casefold() == b.casefold()


def _without_statement(text: str, other: str) -> str:
    """The letter of a choice with its statement or name, such as `(C) 12`, if the other answer is a letter alone."""
    if len(other.strip("()")) != 1:
        return text
    found = _CHOICE.fullmatch(text)
    return found[1] if found else _CALLED.sub("", text, count=1)


def _compare_assigned(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare values without the names on their left: `x = 3` is 3, and `f(x) = 2x` is `y = 2x`."""
    a, b = _assigned(expected), _assigned(given)
    if not (a or b) or (not a and _RELATION.search(expected)) or (not b and _RELATION.search(given)):
        return None
    if a and b and (_contradict(a["name"], b["name"]) or _different_variables(a, b)):
        return False
    left, right = (found["value"].strip() if found else text for found, text in ((a, expected), (b, given)))
    return within(left, right)


def _contradict(one: str, other: str) -> bool:
    """Whether two names are those of one thing and its derivative."""
    return one.count("'") != other.count("'") and one.replace("'", "") == other.replace("'", "")


def _different_variables(a: re.Match[str], b: re.Match[str]) -> bool:
    """Whether two variables have constant values: `x = 1` is not `y = 1`, though `y = 2x` is `f(x) = 2x`."""
    names, values = {a["name"].casefold(), b["name"].casefold()}, a["value"] + b["value"]
    return len(names) == len("".join(names)) and len(names) > 1 and not _HAS_VARIABLE.search(values)


def _assigned(text: str) -> re.Match[str] | None:
    """The name and its value; None for an equation such as `x = 2x - 4`, whose right side has the name too."""
    found = _ASSIGNED.fullmatch(text)
    alone = rf"(?<![a-zA-Z\\]){re.escape(found['name'])}(?![a-zA-Z])" if found else ""
    return None if found and re.search(alone, found["value"]) else found


def _compare_rows(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare matrices cell by cell, systems of equations in any order, a vector with a tuple."""
    a, b = read_rows(expected), read_rows(given)
    if a and b:
        if "cases" in (a[0], b[0]):
            return match(["&".join(row) for row in a[1]], ["&".join(row) for row in b[1]], within)
        if [len(row) for row in a[1]] != [len(row) for row in b[1]]:
            return False
        return all_equal(
            within(x, y) for left, right in zip(a[1], b[1], strict=True) for x, y in zip(left, right, strict=True)
        )
    listing = read_listing(expected if b else given) if a or b else None
    kind, rows = a or b or ("", [])
    if kind == "cases" and listing is not None and not listing.ordered:
        lines = ["&".join(row) for row in rows]
        return match(lines, listing.items, _named(within)) if a else match(listing.items, lines, _named(within))
    if listing is None or not listing.ordered or (len(rows) != 1 and any(len(row) != 1 for row in rows)):
        return None
    cells = [cell for row in rows for cell in row]
    left, right = (cells, listing.items) if a else (listing.items, cells)
    return len(left) == len(right) and all_equal(within(x, y) for x, y in zip(left, right, strict=True))


def _compare_lists_of_one(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare the item of a list of one: sympy returns a single solution as `[3]` or `[(1, 2)]`."""
    alone, other = _alone(expected), _alone(given)
    if (alone is None) is (other is None):
        return None
    return within(alone or expected, other or given)


def _alone(text: str) -> str | None:
    listing = read_listing(text)
    return listing.items[0] if listing and listing.brackets in ("[]", "{}") and len(listing.items) == 1 else None


def _compare_signs(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare `a \\pm b` as the two values that it stands for."""
    a, b = both_signs(expected), both_signs(given)
    if a is b is None:
        return None
    first, second = read_listing(expected), read_listing(given)
    if first and second:
        if not (a and first.ordered and not second.ordered) and not (b and second.ordered and not first.ordered):
            return None
        return match(a, second.items, within) if a else match(first.items, b or [], within)
    return match(a or [expected], b or [given], within)


def _compare_assignments(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare `x = 1, y = 2` with the point `(1, 2)`, in the order written."""
    a, b = read_listing(expected), read_listing(given)
    if not a or not b or {a.brackets, b.brackets} != {"", "()"} or len(a.items) != len(b.items):
        return None
    named, point = (a, b) if b.ordered else (b, a)
    if not all(_assigned(item) for item in named.items) or any(_assigned(item) for item in point.items):
        return None
    return all_equal(within(x, y) for x, y in zip(a.items, b.items, strict=True))


def _compare_lists(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare sets and bare lists in any order; tuples, points and intervals item by item."""
    pairs = [_read_both(expected, given, thousands=merge) for merge in (False, True)]
    if any(a and b and a.ordered and b.brackets == "{}" for a, b in pairs):
        return False  # a set has lost the expected order
    for a, b in pairs:
        if a and b and (a.goes_on or b.goes_on):
            return a.brackets == b.brackets and len(a.items) == len(b.items) and _compare_ordered(a, b, within)
        if a and b and a.ordered == b.ordered and len(a.items) == len(b.items):
            return _compare_ordered(a, b, within) if a.ordered else match(a.items, b.items, _named(within))
    a, b = pairs[1]  # 1,000 is not a list of 1 and a repeated 0
    if a and b and a.ordered == b.ordered:
        return _match_distinct(a, b, within)
    return None


def _read_both(expected: str, given: str, *, thousands: bool) -> tuple[Listing | None, Listing | None]:
    """Read both lists. A given `[1, 2]`, as Python prints lists, matches a bare list or set too, and so does `(1, 2)`.

    Neither is reinterpreted where an interval or point is expected, nor is what a variable is said to be in. A bare
    list of three or more may be a point.
    """
    a, b = read_listing(expected, thousands=thousands), read_listing(given, thousands=thousands)
    if _MEMBERSHIP.search(given):
        return a, b
    if a and b and ((b.brackets == "[]" and not a.ordered) or (b.brackets == "()" and not a.ordered)):
        b = Listing("", b.items)
    if a and b and a.brackets == "()" and not b.brackets and len(b.items) >= _UNLIKE_INTERVALS:
        b = Listing("()", b.items)
    return a, b


def _compare_intervals(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare an inequality with an interval, or with sympy's form of one: `(1 < x) & (x < 3)`."""
    a, b = as_intervals(expected), as_intervals(given)
    if a and b:
        by_bounds = any(_COMPOUND.search(text) or has_another_form(text) for text in (expected, given))
        return within(a, b) if by_bounds else None
    if a is b is None or _RELATION.search(expected if a is None else given):
        return None
    return within(a or expected, b or given)


def _compare_equations(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare equations side by side; None if the sides differ, as algebra must decide then."""
    left, right = expected.split("="), given.split("=")
    if len(left) != 2 or len(right) != 2 or _INEQUALITY.search(expected + given):
        return None
    return all_equal(within(x.strip(), y.strip()) for x, y in zip(left, right, strict=True)) or None


def _compare_ordered(a: Listing, b: Listing, within: Comparison) -> bool | None:
    """Compare item by item. Two items may be an interval, whose brackets count."""
    if a.brackets != b.brackets and len(a.items) == 2:
        return False
    return all_equal(within(x, y) for x, y in zip(a.items, b.items, strict=True))


def _match_distinct(a: Listing, b: Listing, within: Comparison) -> bool | None:
    """Compare the distinct items: lists of different lengths are equal only if one repeats items."""
    left, right = ({_spaceless(item): item for item in listing.items} for listing in (a, b))
    return (
        not a.ordered and len(left) == len(right) and match(list(left.values()), list(right.values()), _named(within))
    )


def _named(within: Comparison) -> Comparison:
    """`within` for items of a list, where names count: `k = 1, n = 2` is not `k = 2, n = 1`."""

    def compare_items(expected: str, given: str) -> bool | None:
        a, b = _ASSIGNED.fullmatch(expected), _ASSIGNED.fullmatch(given)
        if a and b and _spaceless(re.sub(r"[{}]", "", a["name"])) != _spaceless(re.sub(r"[{}]", "", b["name"])):
            return False
        return within(expected, given)

    return compare_items
