"""The normalisation of Qwen's rule: layout, units, names and signs that do not count are removed from an answer."""

import re
from collections.abc import Callable
from functools import lru_cache

_UNITS = """
    east|degree|mph|kmph|ft|m sqaure| m east|sq m|deg|mile|q .|monkey|prime|ratio|profit of rs|rd|o|gm|p . m|lb|tile|
    per|dm|lt|gain|ab|way|west|a .|b .|c .|d .|e .|f .|g .|h .|t|a|h|no change|men|soldier|pie|bc|excess|st|inches|
    noon|percent|by|gal|kmh|c|acre|rise|a . m|th|π r 2|sq|mark|l|toy|coin|sq . m|gallon|° f|profit|minw|yr|women|feet|
    am|pm|hr|cu cm|square|are|rupee|rounds|cubic|cc|mtr|s|ohm|number|kmph|day|hour|minute|min|second|man|woman|sec|
    cube|mt|sq inch|mp|hectare|more|sec|unit|cu . m|cm 2|rs .|rs|kg|g|month|km|m|cm|mm|apple|liter|loss|yard|pure|
    year|increase|decrease|d|less|Surface|litre|pi sq m|s .|metre|meter|inch
"""
"""What counts as a unit: the words after the answers of MathQA, in the order in which they are removed."""

_NUMERALS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty
"""

_REMOVED_NAMES = ("x=", "y=", "z=", "x\\in", "y\\in", "z\\in", "x\\to", "y\\to", "z\\to")


@lru_cache(maxsize=100_000)
def normalise(text: str) -> str:
    """The normalised answer."""
    for step in _STEPS:
        text = step(text)
    return text


def _layout(text: str) -> str:
    text = text.strip().replace("\n", "").rstrip(".").replace("\\!", "")
    text = re.sub(r"\\begin\{array\}\{.*?\}", r"\\begin{pmatrix}", text)
    text = text.replace("\\end{array}", "\\end{pmatrix}").replace("bmatrix", "pmatrix")
    text = text.replace("tfrac", "frac").replace("dfrac", "frac")
    text = text.replace("\\neq", "\\ne").replace("\\leq", "\\le").replace("\\geq", "\\ge")
    text = text.replace("\\left", "").replace("\\right", "").replace("\\{", "{").replace("\\}", "}")
    return re.sub(r"\\text{.*?}$", "", text).strip() or text


def _units(text: str) -> str:
    """Remove units between spaces or signs, twice, for those that stand behind another one."""
    for _ in range(2):
        for literal, pattern in _unit_patterns():
            if literal in text:
                text = pattern.sub(r"\1\2", text) or text
    return text


@lru_cache(maxsize=1)
def _unit_patterns() -> list[tuple[str, re.Pattern[str]]]:
    """(what a text must have for the pattern to match, the pattern). The dot of `a .` stands for any character."""
    units = "".join(line.removeprefix("    ") for line in _UNITS.splitlines()).split("|")
    units += [f"{unit}s" for unit in units]
    return [(unit.partition(".")[0], re.compile(rf"(^|\W){unit}($|\W)")) for unit in units]


def _signs(text: str) -> str:
    text = text.replace("^{\\circ}", "").replace("^\\circ", "")
    for sign in ("\\$", "$", "\\(", "\\)"):
        text = text.replace(sign, "")
    return text


def _numerals(text: str) -> str:
    """A number that is written as a word, up to twenty."""
    words = _NUMERALS.split()
    word = text.strip().lower()
    return str(words.index(word)) if word in words else text


def _names(text: str) -> str:
    text = re.sub(r"\\text\{(.*?)\}", r"\1", text)
    for name in _REMOVED_NAMES:
        text = text.replace(name, "")
    text = text.replace("\\emptyset", "{}").replace("(-\\infty,\\infty)", "\\mathbb{R}")
    return text.replace("\\%", "").replace("%", "")


def _numbers(text: str) -> str:
    text = text.replace(" .", " 0.").replace("{.", "{0.").replace("infinity", "\\infty")
    if "\\infty" not in text:
        text = text.replace("inf", "\\infty")
    text = text.replace("and", "").replace("\\mathbf", "")
    text = re.sub(r"\\mbox{.*?}", "", text)
    if "j" in text and "i" not in text:
        text = text.replace("j", "i")
    text = re.sub(r"(\d+)\.0*([^\d])", r"\1\2", text)
    text = re.sub(r"(\d+)\.0*$", r"\1", text)
    return f"0{text}" if text.startswith(".") else text


def _named_value(text: str) -> str:
    """The right side of an equation whose left side has at most two characters, such as `k = 3`."""
    sides = text.split("=")
    return sides[1] if len(sides) == 2 and len(sides[0]) <= 2 else text


def _fractions(text: str) -> str:
    """Braces around the arguments of roots and fractions that have none, and `a/b` of two integers as a fraction."""
    text = re.sub(r"\\sqrt(\w+)", r"\\sqrt{\1}", text).replace(" ", "")
    text = re.sub(r"\\frac([^{])(\{|[^{])", _braced_fraction, text)
    return re.sub(r"(-?(?:0|[1-9]\d*))/(-?(?:0|[1-9]\d*))", r"\\frac{\1}{\2}", text) if _SLASH.fullmatch(text) else text


_SLASH = re.compile(r"-?(?:0|[1-9]\d*)/-?(?:0|[1-9]\d*)")


def _braced_fraction(found: re.Match[str]) -> str:
    return rf"\frac{{{found[1]}}}" + ("{" if found[2] == "{" else f"{{{found[2]}}}")


_STEPS: tuple[Callable[[str], str], ...] = (
    _layout,
    _units,
    _signs,
    _numerals,
    _names,
    _numbers,
    _named_value,
    _fractions,
)
