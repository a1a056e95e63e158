"""Compares answers part by part that are no single value: congruences, families with a parameter, and ratios."""

import re
from collections.abc import Mapping

from sandbox.guest.answers.lists import split_outside_brackets
from sandbox.guest.answers.matching import Comparison, all_equal

_CONGRUENCE = re.compile(
    r"(?P<left>.+?)\s*(?:\\equiv|≡)\s*(?P<right>.+?)\s*\(?\s*\\?(?:\\pmod|\\bmod|\\mod|mod|\\(?:text|mathrm|rm)\s*\{\s*\(?\s*mod\s*\}|\\operatorname\{mod\})"
    r"\s*\{?\s*(?P<modulus>[^{}()]+?)\s*\}?\s*\)?"
)
_LINEAR = re.compile(
    r"(?P<left>[a-zA-Z])=(?:(?P<m>[0-9]+)(?:\\cdot)?(?P<k>[a-zA-Z])(?P<a>[-+][0-9]+)?"
    r"|(?P<a2>-?[0-9]+)\+(?P<m2>[0-9]+)(?:\\cdot)?(?P<k2>[a-zA-Z]))"
)
_RESIDUE = re.compile(r"-?[0-9]{1,18}")
_LINK = r"(?:\\text\s*\{[^{}]{0,30}\}|[,;(]|\b(?:where|for|with|and|any|all|some|every|each)\b|\\forall|\s)*"
_SET = r"\\mathbb\s*(?:\{\s*[A-Z]\s*\}|[A-Z])(?:\^\s*[+*]|_\{?[^{}]*\}?)?|[ℤℕℝℚℂ]|[ZNRQC](?![a-zA-Z])"
_KIND = r"(?P<kind>integer|real|natural|rational|complex)s?(?:\s+(?:numbers?|constants?|values?))?"
_PARAMETRISED = tuple(
    re.compile(rf"(?P<body>.+?)\s*{condition}\s*[).]?", re.DOTALL)
    for condition in (
        rf"{_LINK}(?P<name>[a-zA-Z])\s*(?:\\in|∈)\s*(?P<set>{_SET})",
        rf"(?:\\text\s*\{{|[,;(]|\bwhere\b)[\s,]*{_LINK}(?P<name>[a-zA-Z])\s+(?:is|being|an?)\s+(?:an?\s+|any\s+)*{_KIND}\}}?",
        rf"(?:\\text\s*\{{|[,;(])?\s*\b(?:for|where)\b{_LINK}{_KIND}(?:\s+of)?\s*\}}?\s*(?P<name>[a-zA-Z])",
    )
)
_KINDS = {"integer": "Z", "real": "R", "natural": "N", "rational": "Q", "complex": "C"}
_BLACKBOARD = dict(zip("ℤℕℝℚℂ", "ZNRQC", strict=True))


def compare_congruences(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare `x \\equiv a \\pmod m` by its modulus, its residue and its left side. A number is no congruence."""
    a: Mapping[str, str] | None
    b: Mapping[str, str] | None
    a, b = (found and found.groupdict() for found in (_CONGRUENCE.fullmatch(t.strip()) for t in (expected, given)))
    if not a and not b:
        return None
    a, b = a or _family(expected), b or _family(given)
    if not a or not b:
        return False
    verdicts = [
        within(a["modulus"], b["modulus"]),
        _same_residue(a["right"], b["right"], a["modulus"]) or within(a["right"], b["right"]),
        within(a["left"], b["left"]),
    ]
    return all_equal(verdicts)


def _family(text: str) -> Mapping[str, str] | None:
    """The congruence that `x = 7k + 3, k \\in \\mathbb{Z}` stands for, else None."""
    found = _parametrised(text)
    linear = _LINEAR.fullmatch(found["body"].replace(" ", "")) if found and _set_name(found) == "Z" else None
    if found is None or linear is None or found["name"] not in (linear["k"], linear["k2"]):
        return None
    modulus, residue = (linear["m"], linear["a"] or "0") if linear["k"] else (linear["m2"], linear["a2"])
    return {"left": linear["left"], "right": residue.removeprefix("+"), "modulus": modulus}


def _same_residue(one: str, other: str, modulus: str) -> bool:
    if not all(_RESIDUE.fullmatch(text.strip()) for text in (one, other, modulus)) or int(modulus) == 0:
        return False
    return (int(one) - int(other)) % int(modulus) == 0


def compare_parametrised(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare `x = 3k, k \\in \\mathbb{Z}` by its body and the parameter's set; the parameter may have another name.

    The set may be missing on one side, if the parameter is not.
    """
    a, b = _parametrised(expected), _parametrised(given)
    if not a and not b:
        return None
    if a and b:
        if _set_name(a) != _set_name(b):
            return False
        return within(a["body"].strip(), _renamed(b["body"].strip(), b["name"], a["name"]))
    found, other = (a, given) if a else (b, expected)
    assert found is not None
    if not _contains(other, found["name"]):
        return False
    return within(found["body"].strip(), other) if a else within(other, found["body"].strip())


def compare_ratios(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare `a:b:c` by the quotients of its terms. A ratio of two terms is a fraction like any other."""
    a, b = (split_outside_brackets(text, ":") or [] for text in (expected, given))
    if max(len(a), len(b)) <= 2:
        return None
    if len(a) != len(b) or "" in (*a, *b):
        return False
    verdicts = [within(f"({x})/({a[0]})", f"({y})/({b[0]})") for x, y in zip(a[1:], b[1:], strict=True)]
    return all_equal(verdicts)


def _parametrised(text: str) -> re.Match[str] | None:
    return next((found for pattern in _PARAMETRISED if (found := pattern.fullmatch(text.strip()))), None)


def _set_name(found: re.Match[str]) -> str:
    parts = found.groupdict()
    if parts.get("kind"):
        return _KINDS[parts["kind"].lower()]
    return "".join(_BLACKBOARD.get(character, character) for character in re.sub(r"\\mathbb|[\s{}]", "", parts["set"]))


def _contains(text: str, name: str) -> bool:
    return re.search(rf"(?<![a-zA-Z\\]){name}(?![a-zA-Z])", re.sub(r"\\[a-zA-Z]+", " ", text)) is not None


def _renamed(text: str, name: str, new: str) -> str:
    """`text` with the variable `name` called `new`, unless another variable has that name."""
    if name == new or _contains(text, new):
        return text
    return re.sub(rf"\\[a-zA-Z]+|{name}", lambda found: new if found[0] == name else found[0], text)
