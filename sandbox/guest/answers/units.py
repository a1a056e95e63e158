"""Units of measure: their names, dimensions and sizes."""

import re
from fractions import Fraction

# dimension: {unit: size}. Sizes are exact; each currency is a dimension of its own.
_SIZES: dict[str, dict[str, int | str]] = {
    "length": {"mm": "1/1000", "cm": "1/100", "dm": "1/10", "m": 1, "km": 1000, "in": "0.0254", "ft": "0.3048",
               "yd": "0.9144", "mi": "1609.344"},
    "mass": {"mg": "1/1000", "g": 1, "kg": 1000, "lb": "453.59237", "oz": "28.349523125"},
    "time": {"s": 1, "min": 60, "h": 3600, "day": 86400, "week": 604800},
    "months": {"month": 1, "year": 12},
    "volume": {"ml": "1/1000", "l": 1},
    "angle": {"degree": 1},
    "radians": {"rad": 1},
    "energy": {"j": 1, "kj": 1000},
    "dollars": {"cent": "1/100", "dollar": 1},
    "euros": {"euro": 1},
    "pounds sterling": {"£": 1},
    "yuan": {"yuan": 1},
}  # fmt: skip
_NAMES = {
    "millimeter": "mm", "millimetre": "mm", "centimeter": "cm", "centimetre": "cm", "meter": "m", "metre": "m",
    "kilometer": "km", "kilometre": "km", "inch": "in", "inche": "in", "foot": "ft", "feet": "ft", "yard": "yd",
    "mile": "mi", "gram": "g", "kilogram": "kg", "pound": "lb", "ounce": "oz", "second": "s", "sec": "s",
    "minute": "min", "hour": "h", "hr": "h", "liter": "l", "litre": "l", "milliliter": "ml", "millilitre": "ml",
    "radian": "rad", "deg": "degree", "joule": "j", "usd": "dollar", "$": "dollar", "eur": "euro", "€": "euro",
    "yr": "year", "元": "yuan", "美元": "dollar", "厘米": "cm", "米": "m", "千米": "km", "公里": "km", "千克": "kg",
}  # fmt: skip
_BY_UNIT = {unit: (name, Fraction(size)) for name, sizes in _SIZES.items() for unit, size in sizes.items()}
_LONG_ENOUGH = 3  # a shorter one directly after its number may be a product of variables: 10cm
_PATTERN = re.compile(
    r"(?P<power>(?:square|sq\.?|cubic)\s+)?(?P<name>[^\W\d_]+|[$€£])\.?(?:\s*\^\s*\{?\s*(?P<exponent>[23])\s*\}?)?"
)

_PER = re.compile(r"\s*/\s*|\s+per\s+")

Unit = tuple[str, Fraction]


def read_unit(text: str) -> Unit | None:
    """The dimension and size of a unit such as `cm`, `square feet`, `km^2`, `m/s`; None if it is unknown."""
    parts = [_read_simple(part) for part in _PER.split(text.strip(), maxsplit=1)]
    if None in parts:
        return None
    units = [part for part in parts if part]
    if len(units) == 1:
        return units[0]
    (dimension, size), (per, per_size) = units
    return f"{dimension}/{per}", size / per_size


def may_touch_a_number(text: str) -> bool:
    """Whether `text` is parsed as a unit even without a space before it."""
    letters = text.partition("^")[0].strip()
    return read_unit(text) is not None and (len(letters) >= _LONG_ENOUGH or not letters.isalpha() or not text.isascii())


def _read_simple(text: str) -> Unit | None:
    found = _PATTERN.fullmatch(text.strip())
    if found is None:
        return None
    if found["name"].lower() == "mph":
        return read_unit("mi/h")
    unit = _singular(found["name"])
    if unit is None:
        return None
    dimension, size = _BY_UNIT[unit]
    power = int(found["exponent"] or {"s": 2, "c": 3}.get((found["power"] or " ")[0], 1))
    return f"{dimension}^{power}", size**power


def _singular(name: str) -> str | None:
    name = name.lower()
    for known in (name, name.removesuffix("s")):
        known = _NAMES.get(known, known)
        if known in _BY_UNIT:
            return known
    return None
