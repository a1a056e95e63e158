"""Compares answers that hold under a condition, part by part: congruences, and families with a parameter."""

import re
from collections.abc import Callable

Comparison = Callable[[str, str], bool | None]

_CONGRUENCE = re.compile(
    r"(?P<left>.+?)\s*(?:\\equiv|≡)\s*(?P<right>.+?)\s*\(?\s*\\?(?:\\pmod|\\bmod|\\mod|mod|\\text\{\s*\(?\s*mod\s*\}|\\operatorname\{mod\})"
    r"\s*\{?\s*(?P<modulus>[^{}()]+?)\s*\}?\s*\)?"
)
_RESIDUE = re.compile(r"-?[0-9]{1,18}")
_WHERE = r"\\text\s*\{\s*,?\s*(?:where|for|for all|for any|for some|with|and|for integers?|for every)?\s*\}"
_PARAMETRISED = re.compile(
    rf"(?P<body>.+?)\s*(?:[,;]|{_WHERE}|\b(?:where|for|for all|with)\b|\s)*[\s(,;]*"
    r"(?:\\forall\s*)?(?P<name>[a-zA-Z])\s*"
    r"(?:\\in|∈)\s*(?P<set>\\mathbb\s*(?:\{\s*[A-Z]\s*\}|[A-Z])(?:\^\s*[+*]|_\{?[^{}]*\}?)?|[ℤℕℝℚℂ])\s*\)?"
)
_BLACKBOARD = dict(zip("ℤℕℝℚℂ", "ZNRQC", strict=True))


def compare_congruences(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare `x \\equiv a \\pmod m` by its modulus, its residue and its left side. A number is no congruence."""
    a, b = (_CONGRUENCE.fullmatch(text.strip()) for text in (expected, given))
    if not a and not b:
        return None
    if not a or not b:
        return False
    verdicts = [
        within(a["modulus"], b["modulus"]),
        _same_residue(a["right"], b["right"], a["modulus"]) or within(a["right"], b["right"]),
        within(a["left"], b["left"]),
    ]
    return False if False in verdicts else None if None in verdicts else True


def _same_residue(one: str, other: str, modulus: str) -> bool:
    if not all(_RESIDUE.fullmatch(text.strip()) for text in (one, other, modulus)) or int(modulus) == 0:
        return False
    return (int(one) - int(other)) % int(modulus) == 0


def compare_parametrised(expected: str, given: str, within: Comparison) -> bool | None:
    """Compare `x = 3k, k \\in \\mathbb{Z}` by its body and the parameter's set; the parameter may have another name.

    The set may be missing on one side, if the parameter is not.
    """
    a, b = (_PARAMETRISED.fullmatch(text.strip()) for text in (expected, given))
    if not a and not b:
        return None
    if a and b:
        if _set_name(a["set"]) != _set_name(b["set"]):
            return False
        return within(a["body"].strip(), _renamed(b["body"].strip(), b["name"], a["name"]))
    found, other = (a, given) if a else (b, expected)
    assert found is not None
    if not _contains(other, found["name"]):
        return False
    return within(found["body"].strip(), other) if a else within(other, found["body"].strip())


def _set_name(text: str) -> str:
    return "".join(_BLACKBOARD.get(character, character) for character in re.sub(r"\\mathbb|[\s{}]", "", text))


def _contains(text: str, name: str) -> bool:
    return re.search(rf"(?<![a-zA-Z\\]){name}(?![a-zA-Z])", re.sub(r"\\[a-zA-Z]+", " ", text)) is not None


def _renamed(text: str, name: str, new: str) -> str:
    """`text` with the variable `name` called `new`, unless another variable has that name."""
    if name == new or _contains(text, new):
        return text
    return re.sub(rf"\\[a-zA-Z]+|{name}", lambda found: new if found[0] == name else found[0], text)
