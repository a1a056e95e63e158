"""A turn as content and a call: the code that ends it is held back from its text."""

from cluster.serving.solving.stopping import StopTexts
from cluster.serving.solving.text_request import OnPiece, Piece


class HeldCode:
    """Passes a turn on up to its first code block."""

    def __init__(self, on_piece: OnPiece, code_open: str) -> None:
        self._on_piece = on_piece
        self._blocks = StopTexts([code_open])
        self._text = ""
        self._num_passed = 0
        self._reached = False

    def add(self, piece: Piece) -> None:
        """Take in a piece of the turn."""
        self._text += piece.text
        if self._reached:
            return
        text, self._reached = self._blocks.feed(piece.text)
        self._num_passed += len(text)
        self._on_piece(Piece(text, piece.logprobs))

    def release(self) -> None:
        """Pass on what was held back: it is no call."""
        self._on_piece(Piece(self._text[self._num_passed :]))
        self._num_passed = len(self._text)
