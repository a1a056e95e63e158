"""Parses numbers as people write them, with units and nouns. Values are exact, never floats."""

import re
from dataclasses import dataclass
from fractions import Fraction

from sandbox.guest.answers.notation import plain_text
from sandbox.guest.answers.units import Unit, may_touch_a_number, read_unit

TOLERANCE = Fraction(1, 1000)  # MARIO_EVAL's EPSILON
QUANTITY_CHARS = 400  # exact arithmetic on longer ones is slow
_MAX_EXPONENT = 400

_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?:\ [0-9]{3})+|[0-9]+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.[0-9]*)?|\.[0-9]+)"
_FRACTION = r"\\frac\s*(?:\{\s*(?P<n>-?[0-9]+)\s*\}|(?P<n1>[0-9]))\s*(?:\{\s*(?P<d>[0-9]+)\s*\}|(?P<d1>[0-9]))"
_SIGN = r"(?P<sign>[-+]?)\s*"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"{_SIGN}(?P<n>{_DECIMAL})(?:\s*/\s*(?P<d>[0-9]+))?",
        rf"{_SIGN}{_FRACTION}",
        rf"{_SIGN}(?P<whole>[0-9]+)\s*{_FRACTION}",
        rf"{_SIGN}(?P<whole>[0-9]+)\s+(?P<n>[0-9]+)\s*/\s*(?P<d>[0-9]+)",
        rf"{_SIGN}(?P<n>{_DECIMAL})\s*(?:\\times|\\cdot|\*|×)\s*10\s*\^\s*(?:\{{\s*(?P<e>-?[0-9]+)\s*\}}|(?P<e1>[0-9]+))",
        rf"{_SIGN}(?P<n>{_DECIMAL})[eE](?P<e>[-+]?[0-9]+)",
        rf"{_SIGN}(?P<n>[0-9]*\.[0-9]*)\\overline\s*\{{\s*(?P<repeated>[0-9]{{1,40}})\s*\}}",
    )
)
_COMMA_DECIMAL = re.compile(r"[-+]?[0-9]+,(?:[0-9]{1,2}|[0-9]{4,})")
_TOUCHING = re.compile(r"([-+]?[0-9]+(?:\.[0-9]+)?)((?:[a-zA-Z]{2,4}|[a-df-hj-zA-DF-HJ-Z])(?:\^\{?[23]\}?)?)")
_DOLLARS = re.compile(r"\A(-?\s*)\$(?=\s*[0-9.])([^$]*)\Z")
_HEAD = re.compile(r"[-+0-9.,/\s*×]|\\(?:frac|times|cdot|overline)|(?<=[0-9])[eE](?=[-+]?[0-9])|[\^{}]|\\(?=[$%])")
_PERCENT = re.compile(r"\\?%|\b(?:percent|percentage|per cent|pct)\b", re.IGNORECASE)
_DEGREE = re.compile(r"\s*\^\s*(?:\{\s*\\circ\s*\}|\\circ)|°|\\degree")
_MAGNITUDES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_NOUNS = re.compile(r"[^\W\d_]{2,}(?:[\s-]+[^\W\d_]{2,}){0,4}")
_POWER_OF_A_UNIT = re.compile(r"(?:(?<=unit)|(?<=units))\s*\^\s*\{?[23]\}?\Z")
_SHORTEST_UNIT, _SHORTEST_WORD = 2, 4  # outside \text{}: 5 m may be five times m, and 5 abc a product
_NO_NOUNS = frozenset((
    "pi", "sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "and", "or", "to", "mod", "root",
    "base", "over", "inf", "infinity", "squared", "cubed", "factorial", "plus", "minus", "halves", "thirds", "lakh",
    "crore",
))  # fmt: skip
_NAMES_OF_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBER_NAMES = {name: value for value, name in enumerate(_NAMES_OF_NUMBERS)} | {
    name: 10 * value for value, name in enumerate(_TENS, start=3)
}
_PARTS = ("third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_NAMES_OF_PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4} | {
    name + plural: value for value, name in enumerate(_PARTS, start=3) for plural in ("", "s")
}
_NUMERAL = re.compile(r"([0-9]+)(?:_(?:([0-9])|\{\s*([0-9]{1,2})\s*\}))?")
_CLOCK = re.compile(r"([0-9]{1,2}) ?:([0-9]{2})(?::([0-9]{2}))?\s*([ap])?\.?\s*(?:m\.?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, or with the noun that it counts.

    `rounded`: written with decimals, so it may be an approximation.
    """

    value: Fraction
    rounded: bool = False
    percent: bool = False
    unit: Unit | None = None
    noun: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day. `half_known`: whether it is before or after noon is stated."""

    hours: int
    minutes: int
    seconds: int
    half_known: bool


def read_quantity(text: str, *, counting: bool = False) -> Quantity | None:
    """A number with or without sign, currency, percent sign, degree sign, magnitude word, unit or noun, else None.

    `counting`: a letter after the number is a unit, not a variable.
    """
    text = _DOLLARS.sub(r"\1\\$\2", text)
    text, marked = plain_text(text), counting or "\\" in text
    if not text or len(text) > QUANTITY_CHARS:
        return None
    named = _read_name(text)
    if named is not None:
        return Quantity(named)
    text, degrees = _DEGREE.subn("", text)
    text, percents = _PERCENT.subn("", text)
    if degrees + percents > 1:
        return None
    text, currency = _without_currency(text.strip())
    number, tail = _split_number(text)
    value = read_number(number.strip())
    if value is None:
        return None
    if tail and not _is_unit_or_noun(tail, touches=number[-1:].isdigit(), marked=marked):
        return None
    factor, tail = _magnitude(tail)
    unit = read_unit("degree" if degrees else tail.partition(" of ")[0] or currency)
    rounded = "." in number and "overline" not in number
    return Quantity(value * factor, rounded, bool(percents), unit, "" if unit else tail)


def read_number(text: str) -> Fraction | None:
    """The exact value of an integer, decimal, fraction, mixed number or number in scientific notation, else None."""
    if len(text) > QUANTITY_CHARS:
        return None
    for form in _FORMS:
        found = form.fullmatch(text)
        if found is not None:
            return _value({name: part for name, part in found.groupdict().items() if part})
    return None


def read_beside(other: Quantity, text: str) -> Quantity | None:
    """Parse what is a quantity only beside another quantity: `1,22` for 1.22, and `10cm` for 10 cm, else None.

    By itself the first is a list and the second may be a product.
    """
    if len(text) > QUANTITY_CHARS:
        return None
    bare, percents = _PERCENT.subn("", text)
    if _COMMA_DECIMAL.fullmatch(bare.strip()):
        return Quantity(Fraction(bare.strip().replace(",", ".")), rounded=True, percent=percents > 0)
    return read_quantity(_TOUCHING.sub(r"\1 \2", text), counting=True) if other.unit else None


def is_product(text: str) -> bool:
    """Whether `text` is a number directly followed by letters, such as `10cm`, which MARIO_EVAL reads as c times m."""
    return bool(_TOUCHING.fullmatch(text))


def read_numeral(text: str) -> tuple[str, int | None] | None:
    """The digits and the base, None if it is missing, of a numeral such as `1011_2`, else None."""
    found = _NUMERAL.fullmatch(text.strip())
    if found is None or len(text) > QUANTITY_CHARS:
        return None
    base = found[2] or found[3]
    return found[1].lstrip("0"), int(base) if base else None


def same_numeral(a: tuple[str, int | None], b: tuple[str, int | None]) -> bool:
    """Whether two numerals have the same digits and, where both state it, the same base."""
    return a[0] == b[0] and (a[1] == b[1] or None in (a[1], b[1]))


def read_clock(text: str) -> Clock | None:
    """A time of day such as 12:30, 20:34:00 or 8:00 p.m., else None."""
    found = _CLOCK.fullmatch(plain_text(text))
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    half = (found[4] or "").lower()
    if half:
        hours = hours % 12 + 12 * (half == "p")
    return Clock(hours, minutes, seconds, half_known=bool(half) or hours > 12)


def same_clock(a: Clock, b: Clock) -> bool:
    """Whether two times are the same, for one half of the day if it is not stated."""
    cycle = 24 if a.half_known is b.half_known else 12
    return (a.hours % cycle, a.minutes, a.seconds) == (b.hours % cycle, b.minutes, b.seconds)


def same_quantity(a: Quantity, b: Quantity) -> bool:
    """Whether two quantities are equal: a missing unit or percent sign is ignored, a contradicting one is not.

    What is counted contradicts a unit and a percent sign, unless it is called a unit itself.
    """
    if any(_is_counted(x) and (y.unit or y.percent) for x, y in ((a, b), (b, a))):
        return False
    if a.unit and b.unit:
        return a.unit[0] == b.unit[0] and _close(a, b, a.unit[1], b.unit[1])
    if (a.percent and b.unit) or (b.percent and a.unit):
        return False
    if a.percent != b.percent:
        hundredth = Fraction(1, 100)
        return _close(a, b) or _close(a, b, hundredth if a.percent else 1, hundredth if b.percent else 1)
    return _close(a, b)


def _is_counted(quantity: Quantity) -> bool:
    return bool(quantity.noun) and "unit" not in quantity.noun.lower()


def within_tolerance(expected: Fraction, given: Fraction) -> bool:
    """MARIO_EVAL's tolerance: 0.001, relative to an expected non-integer below 1, else absolute."""
    size = abs(expected)
    scale = Fraction(1) if size >= 1 or expected.denominator == 1 else size
    return abs(expected - given) < TOLERANCE * scale


def _close(a: Quantity, b: Quantity, a_size: Fraction | int = 1, b_size: Fraction | int = 1) -> bool:
    left, right = a.value * a_size, b.value * b_size
    return left == right or ((a.rounded or b.rounded) and within_tolerance(left, right))


def _read_name(text: str) -> Fraction | None:
    """The number that `text` names, such as `seven`, `forty-two`, `one hundred` or `two thirds`."""
    words = text.lower().replace("-", " ").split()
    values = [_NUMBER_NAMES.get(word) for word in words]
    match values:
        case [int(value)]:
            return Fraction(value)
        case [int(tens), int(ones)] if tens >= 20 and 0 < ones < 10:
            return Fraction(tens + ones)
        case [int(count), None] if words[1] in _NAMES_OF_PARTS:
            return Fraction(count, _NAMES_OF_PARTS[words[1]])
        case [int(count), None] if words[1] in _MAGNITUDES:
            return Fraction(count * _MAGNITUDES[words[1]])
    return None


def _value(parts: dict[str, str]) -> Fraction | None:
    exponent = int(parts.get("e") or parts.get("e1") or 0) if len(parts.get("e", "")) < 6 else _MAX_EXPONENT + 1
    denominator = int(parts.get("d") or parts.get("d1") or 1)
    if denominator == 0 or abs(exponent) > _MAX_EXPONENT:
        return None
    numerator = _numerator((parts.get("n") or parts["n1"]).replace(",", "").replace(" ", ""), parts.get("repeated", ""))
    value = numerator / denominator * Fraction(10) ** exponent
    if "whole" in parts:
        if value < 0 or value >= 1:
            return None  # no mixed number
        value += int(parts["whole"])
    return -value if parts.get("sign") == "-" else value


def _numerator(written: str, repeated: str) -> Fraction:
    """The value of a number whose last decimals, `repeated`, repeat without end."""
    if not repeated:
        return Fraction(written)
    decimals = len(written.partition(".")[2])
    return Fraction(f"0{written}0") + Fraction(int(repeated), 10**decimals * (10 ** len(repeated) - 1))


def _without_currency(text: str) -> tuple[str, str]:
    found = re.fullmatch(r"(-?)\s*(?:\\?\$|([€£]))\s*(.*)", text, re.DOTALL)
    if found is not None:
        return found[1] + found[3], found[2] or "$"
    return text.removesuffix("\\$").strip(), ""


def _split_number(text: str) -> tuple[str, str]:
    """The number, with the space after it, and the rest."""
    end = 0
    while found := _HEAD.match(text, end):
        end = found.end()
    return text[:end], text[end:].strip()


def _magnitude(tail: str) -> tuple[int, str]:
    first, _, rest = tail.partition(" ")
    factor = _MAGNITUDES.get(first.lower())
    return (1, tail) if factor is None else (factor, rest.strip())


def _is_unit_or_noun(tail: str, *, touches: bool, marked: bool) -> bool:
    """Whether `tail` is a unit or names what is counted, and is no product of variables.

    `touches`: there is no space between it and the number. `marked`: LaTeX marks it as text.
    """
    if touches:
        return may_touch_a_number(tail)
    shortest_unit, shortest_word = (1, 2) if marked else (_SHORTEST_UNIT, _SHORTEST_WORD)
    if len(tail) >= shortest_unit and read_unit(tail) is not None:
        return True
    tail = _POWER_OF_A_UNIT.sub("", tail)
    words = tail.lower().replace("-", " ").split()
    return bool(_NOUNS.fullmatch(tail)) and max(map(len, words)) >= shortest_word and _NO_NOUNS.isdisjoint(words)
