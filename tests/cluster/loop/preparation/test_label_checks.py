"""Checks of labels at import, with the real answer checker."""

import asyncio

import pytest

from cluster.loop.preparation.label_checks import LabelChecks, open_label_checks
from sandbox.equivalence import AnswerChecker
from sandbox.settings import AnswerCheckerSettings
from store.records import Problem, Split
from store.settings import JsonlSettings

LABELS = ("72", r"\frac{\sqrt{3}}{2}", "ellipse", r"1+2+\ldots+n")


def problems() -> list[Problem]:
    return [Problem(f"p{n}", f"{n}?", label, "test", Split.TRAIN, f"k{n}") for n, label in enumerate(LABELS)]


@pytest.mark.parametrize(("skip", "kept"), [("no_answer", 4), ("unreadable", 3)])
def test_a_label_that_cannot_be_read_is_listed_and_left_out_on_request(skip, kept):
    source = JsonlSettings(path="x", skip_labels=skip)
    with open_label_checks(AnswerCheckerSettings()) as labels:
        assert len(list(labels.filter(source, iter(problems())))) == kept
    (listed,) = labels.unreadable
    assert listed.startswith("p3: ")
    assert labels.unchecked == 0


def test_labels_that_are_not_checked_in_time_are_imported_and_counted():
    with asyncio.Runner() as runner:
        labels = LabelChecks(runner, AnswerChecker(AnswerCheckerSettings()), limit_s=0)
        assert len(list(labels.filter(JsonlSettings(path="x", skip_labels="unreadable"), iter(problems())))) == 4
    assert (labels.unreadable, labels.unchecked) == ([], 2)
