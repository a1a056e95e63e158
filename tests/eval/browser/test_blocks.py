"""Rollouts as blocks, and tokens as coloured text."""

import math

import pytest

from eval.browser.blocks import Block, blocks_of
from eval.browser.records import Attempt, Piece
from eval.browser.tokens import level_of, probability_text, tokens_html
from store.records import (
    ExecutionRecord,
    Outcome,
    Purpose,
    Rollout,
    RolloutSummary,
    Segment,
    SegmentKind,
    Split,
)

PROSE, CODE, OUTPUT = SegmentKind.TEXT, SegmentKind.CODE, SegmentKind.OUTPUT
RUN = ExecutionRecord("ok", "print(1)", "1\n")
SEGMENTS = (
    Segment(PROSE, "First. "),
    Segment(CODE, "print(1)"),
    Segment(OUTPUT, "1\n"),
    Segment(PROSE, "\\boxed{1}"),
    Segment(SegmentKind.ANSWER, "1"),
)
TURNS = (("First. \n```python\nprint(1)\n```\n", True), ("```output\n1\n```\n", False), ("\\boxed{1}<eos>", True))


def attempt(turns: tuple[tuple[str, bool], ...], width: int, segments: tuple[Segment, ...] = SEGMENTS) -> Attempt:
    """An attempt whose tokens have `width` characters."""
    texts = [(turn[i : i + width], by_policy) for turn, by_policy in turns for i in range(0, len(turn), width)]
    pieces = tuple(Piece(text, number, by_policy, -0.5) for number, (text, by_policy) in enumerate(texts))
    summary = RolloutSummary(
        1, "1-0", "p", "", "", Split.TRAIN, Purpose.TRAIN, Outcome.ACCEPTED, None, 1, 1, "1", 1, 1.0, 0.0
    )
    rollout = Rollout("1-0", "p", Purpose.TRAIN, Outcome.ACCEPTED, "tir", (), (), (), (), segments, (RUN,))
    return Attempt(summary, rollout, "v1", pieces)


@pytest.mark.parametrize("width", [1, 3, 7, 100])
def test_tokens_are_divided_into_prose_code_and_output(width: int) -> None:
    blocks = blocks_of(attempt(TURNS, width))
    assert [(block.kind, block.text) for block in blocks] == [
        (PROSE, "First. \n"),
        (CODE, "```python\nprint(1)\n```\n"),
        (OUTPUT, "1\n"),
        (PROSE, "\\boxed{1}<eos>"),
    ]
    assert all("".join(piece.text for piece in block.pieces) == block.text for block in blocks if block.pieces)
    assert [block.execution for block in blocks] == [None, None, RUN, None]


def test_without_tokens_the_blocks_are_the_segments() -> None:
    blocks = blocks_of(attempt((), 1))
    assert blocks == [
        Block(PROSE, "First. "),
        Block(CODE, "print(1)"),
        Block(OUTPUT, "1\n", (), RUN),
        Block(PROSE, "\\boxed{1}"),
    ]


def test_code_that_is_not_in_the_tokens_stays_prose() -> None:
    blocks = blocks_of(attempt((("No code here", True),), 2))
    assert [(block.kind, block.text) for block in blocks] == [(PROSE, "No code here")]


def test_less_probable_tokens_have_stronger_colours() -> None:
    assert [level_of(math.log(share)) for share in (0.95, 0.6, 0.3, 0.1, 0.02, 0.001)] == [0, 1, 2, 3, 4, 5]
    assert level_of(None) == 0
    assert level_of(-math.inf) == 5


def test_tokens_are_escaped_and_line_breaks_with_a_colour_are_seen() -> None:
    html = tokens_html([Piece("<b>\x1b", 0, True, 0.0), Piece("\n", 1, True, -3.0)], mark_versions=False)
    assert "&lt;b&gt;\ufffd" in html
    assert ">↵\n<" in html
    assert "log-probability -3.00 · 5.0 %" in html


def test_the_part_of_each_policy_begins_with_its_version() -> None:
    pieces = [Piece(text, number, True, None, version) for number, (text, version) in enumerate((("a", 1), ("b", 2)))]
    html = tokens_html(pieces, mark_versions=True)
    assert html.count('class="version"') == 2
    assert html.index("v1</b>") < html.index("v2</b>")


def test_small_probabilities_keep_their_digits() -> None:
    assert [probability_text(logprob) for logprob in (0.0, -1.0, -10.0)] == ["100.0 %", "36.8 %", "0.0045 %"]
