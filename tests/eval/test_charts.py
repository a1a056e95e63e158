"""Charts, as read by an XML parser."""

import re
from xml.etree import ElementTree

import pytest

from eval.report.charts import Point, Series, line_chart, stacked_chart


def numbers(svg: str, tag: str, attribute: str) -> list[float]:
    return [float(element.attrib[attribute]) for element in ElementTree.fromstring(svg).iter(tag)]


def bars(svg: str) -> list[tuple[float, float]]:
    """(low, high) ends of the error bars."""
    paths = [e.attrib["d"] for e in ElementTree.fromstring(svg).iter("path") if e.attrib["class"] == "error"]
    found = [re.match(r"M\S+ (\S+)V([\d.]+)M", path) for path in paths]
    return [(float(match[1]), float(match[2])) for match in found if match is not None]


def test_higher_values_are_drawn_higher_and_later_ones_further_right() -> None:
    svg = line_chart([Point("a", 10.0), Point("b", 20.0), Point("c", 15.0)], label="test")

    xs, ys = numbers(svg, "circle", "cx"), numbers(svg, "circle", "cy")
    assert xs == sorted(xs)
    assert ys[1] < ys[2] < ys[0]


def test_marked_points_have_their_own_style() -> None:
    svg = line_chart([Point("a", 1.0, marked=True), Point("b", 1.0)], label="test")

    styles = [element.attrib["class"] for element in ElementTree.fromstring(svg).iter("circle")]
    assert styles == ["dot marked", "dot"]


def test_error_bars_stay_inside_the_drawing() -> None:
    svg = line_chart([Point("a", 99.0, 94.0, 100.0), Point("b", 1.0, 0.0, 6.0)], label="test", ceiling=100.0)

    height = float(ElementTree.fromstring(svg).attrib["viewBox"].split()[3])
    assert all(0 <= y <= height for y in numbers(svg, "circle", "cy"))
    assert all(0 <= y <= height for bar in bars(svg) for y in bar)


def test_an_error_bar_goes_from_the_low_to_the_high_end() -> None:
    (low, high), *others = bars(line_chart([Point("a", 50.0, 40.0, 55.0), Point("b", 50.0)], label="test"))
    y = numbers(line_chart([Point("a", 40.0), Point("b", 55.0), Point("c", 55.0)], label="test"), "circle", "cy")

    assert [low, high] == pytest.approx(y[:2], abs=0.1)
    assert not others  # a point without an interval has no bar


@pytest.mark.parametrize("count", [2, 100])
def test_intervals_of_many_points_are_a_band(count: int) -> None:
    svg = line_chart([Point(str(i), 50.0, 40.0, 60.0) for i in range(count)], label="test")

    bands = [element.attrib["points"].split() for element in ElementTree.fromstring(svg).iter("polygon")]
    assert [len(points) for points in bands] == ([] if count == 2 else [2 * count])
    assert len(bars(svg)) == (count if count == 2 else 0)


def test_the_height_of_a_stacked_bar_is_the_sum_of_its_values() -> None:
    series = [Series("x", "green", [1.0, 2.0]), Series("y", "red", [3.0, 6.0]), Series("z", "blue", [0.0, 0.0])]
    svg = stacked_chart(["1", "2"], series, label="test")

    heights = numbers(svg, "rect", "height")
    assert len(heights) == 4  # a value of zero is not drawn
    assert heights[2] + heights[3] == pytest.approx(2 * (heights[0] + heights[1]), abs=0.1)


@pytest.mark.parametrize("count", [0, 1, 200])
def test_any_number_of_points_can_be_drawn(count: int) -> None:
    line = line_chart([Point(str(i), float(i)) for i in range(count)], label="test")
    bars = stacked_chart([str(i) for i in range(count)], [Series("x", "green", [1.0] * count)], label="test")

    for svg in (line, bars):
        labels = [e.text for e in ElementTree.fromstring(svg).iter("text") if e.attrib.get("text-anchor") == "middle"]
        assert len(labels) <= 20


def test_values_of_zero_can_be_drawn() -> None:
    assert "<circle" in line_chart([Point("a", 0.0)], label="test", ceiling=100.0)


def test_labels_are_escaped() -> None:
    assert "<b>" not in line_chart([Point("<b>", 1.0, title="<b>")], label='"><b>')
