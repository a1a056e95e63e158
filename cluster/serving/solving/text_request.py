"""What is asked of one text, and the pieces in which it arrives."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from actors.engine import AS_TRAINED, TokenLogprobs, TurnOptions
from store.records import Sampling


class Interpreter(StrEnum):
    """Who runs the code that the policy writes."""

    SERVER = "server"
    CLIENT = "client"  # the text ends with the code, as a call of a tool
    NOBODY = "nobody"  # the text is one turn


@dataclass(frozen=True, slots=True)
class TextRequest:
    """What is asked of one text.

    Attributes:
        sampling: How its tokens are sampled.
        options: What else is asked of its turns.
        stops: It ends before the first of these that the policy writes.
        interpreter: Who runs its code.
        in_pieces: It is passed on while it is sampled, and not a turn at a time.
        caller: The client. Clients share the slots of a server fairly.
    """

    sampling: Sampling
    options: TurnOptions = AS_TRAINED
    stops: tuple[str, ...] = ()
    interpreter: Interpreter = Interpreter.SERVER
    in_pieces: bool = True
    caller: str = ""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text, with the log-probabilities of its sampled tokens where these are asked for."""

    text: str
    logprobs: tuple[TokenLogprobs, ...] = ()


OnPiece = Callable[[Piece], None]


class Pieces:
    """Collects the pieces of a text while they are passed on."""

    def __init__(self, on_piece: OnPiece) -> None:
        self._on_piece = on_piece
        self._pieces: list[Piece] = []

    def add(self, piece: Piece) -> None:
        """Pass a piece on, unless it is empty."""
        if piece.text or piece.logprobs:
            self._pieces.append(piece)
            self._on_piece(piece)

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(piece.text for piece in self._pieces)

    @property
    def logprobs(self) -> tuple[TokenLogprobs, ...]:
        """The log-probabilities of all sampled tokens so far."""
        return tuple(found for piece in self._pieces for found in piece.logprobs)
