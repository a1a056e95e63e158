"""Charts as inline SVG. Colours and fonts come from the style sheet of the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from eval.report.markup import escape

_WIDTH, _HEIGHT = 440, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 10, 22, 30
_MAX_LABELS = 10  # on the x axis; more would overlap
_MAX_BAR = 46.0
_MIN_BAR_STEP = 14.0  # error bars are 10 wide


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a line chart. Its error bar goes from `low` to `high`, if both are set; `title` is its tooltip."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    marked: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    """A series of a stacked bar chart, one value per bar. `style` is a class of the style sheet."""

    name: str
    style: str
    values: Sequence[float]


def line_chart(
    points: Sequence[Point],
    *,
    label: str,
    unit: str = "",
    ceiling: float | None = None,
    reference: Sequence[float] = (),
) -> str:
    """Points with error bars, joined by a line from left to right; marked points are filled.

    Where error bars would overlap, there is a band instead. The y axis goes from 0 to at most `ceiling`, such as 100
    for a percentage. `reference` are values to compare the points with, one for each, drawn as a dashed line.
    """
    axis = _Axis(_top(max([*map(_high, points), *reference], default=0.0), ceiling), len(points))
    parts = [axis.grid(unit), axis.labels([point.label for point in points])]
    parts += _error_bars(points, axis) if axis.step >= _MIN_BAR_STEP else _band(points, axis)
    if reference:
        parts.append(_line("reference", reference, axis))
    if len(points) > 1:
        parts.append(_line("line", [point.value for point in points], axis))
    radius = 4.0 if axis.step >= _MIN_BAR_STEP else 2.0
    parts += [_dot(axis.x(i), axis.y(point.value), radius, point) for i, point in enumerate(points)]
    if len(points) <= _MAX_LABELS:
        parts += [_value(axis.x(i), axis.y(_high(p)) - 7, f"{p.value:.1f}") for i, p in enumerate(points)]
    return _svg(label, parts)


def curves_chart(
    labels: Sequence[str], series: Sequence[Series], *, label: str, unit: str = "", ceiling: float | None = None
) -> str:
    """A line per series, with a value per label; the y axis goes from 0 to at most `ceiling`."""
    axis = _Axis(_top(max((value for one in series for value in one.values), default=0.0), ceiling), len(labels))
    parts = [axis.grid(unit), axis.labels(labels)]
    for one in series:
        parts.append(_line(f"line {one.style}", one.values, axis))
        for i, value in enumerate(one.values):
            title = escape(f"{one.name}, {labels[i]}: {value:.1f} {unit}".rstrip())
            place = f'cx="{axis.x(i):.1f}" cy="{axis.y(value):.1f}" r="2.5"'
            parts.append(f'<circle class="dot {one.style}" {place}><title>{title}</title></circle>')
    return _svg(label, parts)


def _line(style: str, values: Sequence[float], axis: "_Axis") -> str:
    points = " ".join(f"{axis.x(i):.1f},{axis.y(value):.1f}" for i, value in enumerate(values))
    return f'<polyline class="{style}" points="{points}"/>'


def _dot(x: float, y: float, radius: float, point: Point) -> str:
    title = f"<title>{escape(point.title)}</title>" if point.title else ""
    style = "dot marked" if point.marked else "dot"
    return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}">{title}</circle>'


def _error_bars(points: Sequence[Point], axis: "_Axis") -> list[str]:
    bars = []
    for i, point in enumerate(points):
        x, low, high = axis.x(i), axis.y(_low(point)), axis.y(_high(point))
        if low != high:
            ends = f"M{x - 5:.1f} {low:.1f}h10M{x - 5:.1f} {high:.1f}h10"
            bars.append(f'<path class="error" d="M{x:.1f} {low:.1f}V{high:.1f}{ends}"/>')
    return bars


def _band(points: Sequence[Point], axis: "_Axis") -> list[str]:
    above = [f"{axis.x(i):.1f},{axis.y(_high(point)):.1f}" for i, point in enumerate(points)]
    below = [f"{axis.x(i):.1f},{axis.y(_low(point)):.1f}" for i, point in enumerate(points)]
    return [f'<polygon class="band" points="{" ".join(above + below[::-1])}"/>']


def _low(point: Point) -> float:
    return point.value if point.low is None else point.low


def _high(point: Point) -> float:
    return point.value if point.high is None else point.high


def stacked_chart(labels: Sequence[str], series: Sequence[Series], *, label: str, unit: str = "") -> str:
    """A bar per label, with the series stacked from the bottom up."""
    totals = [sum(one.values[i] for one in series) for i in range(len(labels))]
    axis = _Axis(_top(max(totals, default=0.0), 100.0 if unit == "%" else None), len(labels))
    parts = [axis.grid(unit), axis.labels(labels)]
    width = min(_MAX_BAR, axis.step * 0.7)
    for i, name in enumerate(labels):
        below = 0.0
        for one in series:
            value = one.values[i]
            if value <= 0:
                continue
            y, height = axis.y(below + value), axis.y(below) - axis.y(below + value)
            below += value
            title = escape(f"{name}: {one.name} {value:.1f} {unit}".rstrip())
            parts.append(
                f'<rect class="bar {one.style}" x="{axis.x(i) - width / 2:.1f}" y="{y:.2f}" width="{width:.1f}" '
                f'height="{height:.2f}"><title>{title}</title></rect>'
            )
    return _svg(label, parts)


class _Axis:
    """Maps positions and values to coordinates of the drawing."""

    def __init__(self, top: float, count: int) -> None:
        self.top = top
        self.count = max(count, 1)
        self.step = (_WIDTH - _LEFT - _RIGHT) / self.count

    def x(self, position: int) -> float:
        return _LEFT + self.step * (position + 0.5)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / self.top

    def grid(self, unit: str) -> str:
        step = _round_step(self.top / 4)
        lines = []
        for i in range(floor(self.top / step + 1e-9) + 1):
            y = self.y(i * step)
            lines.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{_WIDTH - _RIGHT}"/>')
            lines.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{i * step:g}</text>')
        lines.append(f'<text class="tick" x="{_LEFT - 6}" y="12" text-anchor="end">{escape(unit)}</text>')
        return "".join(lines)

    def labels(self, labels: Sequence[str]) -> str:
        every = ceil(len(labels) / _MAX_LABELS) or 1
        return "".join(
            f'<text class="tick" x="{self.x(i):.1f}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(text)}</text>'
            for i, text in enumerate(labels)
            if i % every == 0
        )


def _value(x: float, y: float, text: str) -> str:
    return f'<text class="value" x="{x:.1f}" y="{max(y, 11):.1f}" text-anchor="middle">{escape(text)}</text>'


def _svg(label: str, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _top(highest: float, ceiling: float | None) -> float:
    """The upper end of the y axis: a round number at or above the highest value."""
    if highest <= 0:
        return ceiling or 1.0
    step = _round_step(highest / 4)
    top = ceil(highest / step - 1e-9) * step
    return min(top, ceiling) if ceiling else top


def _round_step(rough: float) -> float:
    """1, 2, 2.5 or 5 times a power of ten, at or above `rough`."""
    power = 10.0 ** floor(log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= rough - 1e-9 * power)
