"""What a run does and what holds it up: one line, and a note when something begins to hold it up."""

import threading
import time
from typing import Any

from cluster.loop.progress import NullProgress
from cluster.loop.supervision.activity import Activity


class Screen(NullProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def report(activity: Activity, screen: Screen, doing: list[str], *holdups: str) -> str | None:
    activity.report(doing, holdups, screen)
    return activity.text


def test_the_line_has_what_is_done_and_then_what_holds_it_up() -> None:
    activity, screen = Activity(), Screen()
    assert activity.text is None
    assert report(activity, screen, ["sampling (3 of 9)"]) == "sampling (3 of 9)"
    assert (
        report(activity, screen, ["sampling (3 of 9)"], "the store is away") == "sampling (3 of 9); the store is away"
    )
    assert report(activity, screen, []) is None


def test_a_holdup_is_noted_once_when_it_begins() -> None:
    activity, screen = Activity(), Screen()
    for done in range(4):
        report(activity, screen, [f"sampling ({done} of 9)"], "the store is away")
    assert screen.notes == ["the store is away"]


def test_a_holdup_that_comes_back_is_noted_again() -> None:
    activity, screen = Activity(), Screen()
    for holdups in (["a"], [], ["a"]):
        report(activity, screen, [], *holdups)
    assert screen.notes == ["a", "a"]


def test_a_second_holdup_does_not_repeat_the_first() -> None:
    activity, screen = Activity(), Screen()
    report(activity, screen, [], "a")
    report(activity, screen, [], "a", "b")
    assert screen.notes == ["a", "b"]
    assert activity.num_holdups == 2


def test_a_wait_for_a_change_ends_at_the_change() -> None:
    activity, began = Activity(), time.monotonic()
    change: Any = threading.Timer(0.05, lambda: report(activity, Screen(), ["learning"]))
    change.start()
    activity.wait_for_change(60.0)
    assert time.monotonic() - began < 30.0
    assert activity.text == "learning"


def test_the_same_line_again_is_no_change() -> None:
    activity = Activity()
    report(activity, Screen(), ["learning"])
    activity.wait_for_change(0.0)
    began = time.monotonic()
    report(activity, Screen(), ["learning"])
    activity.wait_for_change(0.05)
    assert time.monotonic() - began >= 0.05
