"""Stop texts of a request: where a solution is cut off, though its tokens may end elsewhere."""

from collections.abc import Sequence


class StopReached(Exception):  # noqa: N818 - no error
    """The policy has written a stop text: all text before it was passed on."""


class StopTexts:
    """Passes a text on in pieces, up to the first stop text in it.

    What may be the beginning of a stop text is held back until more has come.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""

    def feed(self, piece: str) -> tuple[str, bool]:
        """The text that can be passed on now, and whether a stop text was reached."""
        if not self._stops:
            return piece, False
        text, self._held = self._held + piece, ""
        found = [position for stop in self._stops if (position := text.find(stop)) >= 0]
        if found:
            return text[: min(found)], True
        keep = max(_overlap(text, stop) for stop in self._stops)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False

    def flush(self) -> str:
        """What was held back, at the end of the text."""
        text, self._held = self._held, ""
        return text


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of a text that a stop text begins with."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
