"""Stop texts, however the text is cut into pieces."""

import random

import pytest

from cluster.serving.solving.stopping import StopTexts


def passed_on(pieces: list[str], stops: list[str]) -> str:
    texts, passed = StopTexts(stops), ""
    for piece in pieces:
        text, stopped = texts.feed(piece)
        passed += text
        if stopped:
            return passed
    return passed + texts.flush()


def in_pieces(text: str, rng: random.Random) -> list[str]:
    cuts = sorted(rng.sample(range(len(text) + 1), rng.randrange(min(6, len(text) + 1))))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@pytest.mark.parametrize("seed", range(200))
def test_the_text_ends_before_the_first_stop_text(seed: int) -> None:
    rng = random.Random(seed)
    text = "".join(rng.choices("ab\n", k=rng.randrange(1, 30)))
    stops = ["".join(rng.choices("ab\n", k=rng.randrange(1, 4))) for _ in range(rng.randrange(4))]

    expected = min((text.partition(stop)[0] for stop in stops), key=len, default=text)

    assert passed_on(in_pieces(text, rng), stops) == expected


def test_no_more_is_held_back_than_may_begin_a_stop_text() -> None:
    texts = StopTexts(["END", "\n\n"])

    assert texts.feed("abc\n") == ("abc", False)
    assert texts.feed("dE") == ("\nd", False)
    assert texts.feed("Na") == ("ENa", False)
    assert texts.flush() == ""
