"""The supported share by iteration: its alarm, and its section of a report."""

import pytest

from eval.report.support import support_section
from eval.support import ALARM_MIN_JUDGED, SupportCounts, support_alarm


def counts(iteration: int, supported: int, unsupported: int, no_code: int = 0) -> SupportCounts:
    return SupportCounts(iteration, supported, unsupported, no_code)


def test_a_fall_of_the_supported_share_raises_the_alarm():
    alarm = support_alarm([counts(1, 90, 10), counts(2, 96, 4), counts(3, 80, 15, 5)])
    assert alarm is not None
    assert "from 96.0 % in iteration 2 to 80.0 % in iteration 3" in alarm


@pytest.mark.parametrize(
    "series",
    [
        [],
        [counts(1, 50, 50)],
        [counts(1, 96, 4), counts(2, 90, 10)],  # within the drop
        [counts(1, 80, 20), counts(2, 96, 4)],  # rises
        [counts(1, ALARM_MIN_JUDGED - 1, 0), counts(2, 50, 50)],  # the earlier one is noise
        [counts(1, 100, 0), counts(2, 0, ALARM_MIN_JUDGED - 1)],  # the later one is noise
    ],
)
def test_nothing_else_does(series: list[SupportCounts]):
    assert support_alarm(series) is None


def test_an_iteration_that_recovers_ends_the_alarm():
    fallen = [counts(1, 96, 4), counts(2, 60, 40)]
    assert support_alarm(fallen) is not None
    assert support_alarm([*fallen, counts(3, 95, 5)]) is None


def test_a_share_without_rollouts_is_unknown():
    assert SupportCounts.of(1, {}).share is None
    assert SupportCounts.of(1, {"supported": 3, "no_code": 1}).share == 0.75


def test_the_section_has_a_bar_per_iteration_and_the_alarm():
    page = support_section([counts(1, 96, 4), counts(2, 60, 40)])
    assert "2: unsupported 40.0 %" in page
    assert "reward hacking" in page
    assert "no code" not in page


def test_without_verdicts_there_is_no_section():
    assert support_section([counts(1, 0, 0)]) == ""
