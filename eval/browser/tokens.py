"""Tokens as HTML: their probabilities as a background colour, and marks where another policy went on."""

import math
from collections.abc import Sequence
from itertools import groupby

from eval.browser.records import Piece
from eval.report.markup import escape

LEVELS = (0.9, 0.5, 0.2, 0.05, 0.01)
"""Probabilities below which a token has the next stronger colour."""


def tokens_html(pieces: Sequence[Piece], *, mark_versions: bool) -> str:
    """The tokens in order. With `mark_versions`, each policy's part begins with its version."""
    if not mark_versions:
        return "".join(_token(piece) for piece in pieces)
    parts = []
    for version, part in groupby(pieces, key=lambda piece: piece.version):
        mark = "" if version is None else f'<b class="version">v{version}</b>'
        style = "even" if version is None or version % 2 == 0 else "odd"
        parts.append(f'<span class="by-version {style}">{mark}{"".join(_token(piece) for piece in part)}</span>')
    return "".join(parts)


def legend_html(*, has_versions: bool) -> str:
    """What the colours mean."""
    names = [f"{100 * LEVELS[0]:.0f} % or more"]
    names += [f"below {100 * level:.0f} %" for level in LEVELS]
    swatches = "".join(f'<span><i class="t p{level}"></i>{escape(name)}</span>' for level, name in enumerate(names))
    versions = "<span>underlined alternately: parts by different policies</span>" if has_versions else ""
    return (
        f'<div class="legend heat">probability of the token as it was sampled: {swatches}{versions}'
        '<label><input type="checkbox" class="colours" checked> colours</label></div>'
    )


def level_of(logprob: float | None) -> int:
    """The strength of a token's colour, from 0 (none) up."""
    return 0 if logprob is None else sum(logprob < math.log(level) for level in LEVELS)


def _token(piece: Piece) -> str:
    level = level_of(piece.logprob)
    style = f"t{f' p{level}' if level else ''}{' special' if piece.is_special else ''}"
    return f'<span class="{style}" title="{_title(piece)}">{_text(piece, level)}</span>'


def _text(piece: Piece, level: int) -> str:
    """The text, with a sign for line breaks that have a colour: without one it would not be seen."""
    shown = piece.text.replace("\n", "↵\n") if level and not piece.text.strip() else piece.text
    return escape(shown)


def _title(piece: Piece) -> str:
    parts = [f"token {piece.first}"]
    if piece.logprob is not None:
        parts += [f"log-probability {piece.logprob:.2f}", probability_text(piece.logprob)]
    if piece.version is not None:
        parts.append(f"v{piece.version}")
    return escape(" · ".join(parts))


def probability_text(logprob: float) -> str:
    """The probability in percent, with the digits that matter."""
    percent = 100 * math.exp(logprob)
    return f"{percent:.1f} %" if percent >= 1 else f"{percent:.2g} %"
