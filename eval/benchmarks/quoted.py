"""Figures of the MARIO paper, quoted for comparison: Liao et al. 2024, arXiv 2401.08190."""

from collections.abc import Mapping
from dataclasses import dataclass

SOURCE = "Liao et al. 2024, arXiv 2401.08190"

COLUMNS = ("gsm8k", "math", "ocw", "gaokao2023en")
"""The benchmarks of the paper's table, in its order."""


@dataclass(frozen=True, slots=True)
class QuotedRow:
    """A model's accuracy in percent, by benchmark, as the paper reports it."""

    model: str
    method: str
    percent: Mapping[str, float]


def _row(model: str, method: str, *percent: float) -> QuotedRow:
    return QuotedRow(model, method, dict(zip(COLUMNS, percent, strict=True)))


QUOTED = (
    _row("ToRA-Code-7B", "greedy", 72.6, 44.6, 4.8, 23.9),
    _row("MARIO-7B", "greedy", 70.1, 46.3, 19.9, 35.6),
    _row("MARIO-OVM-7B", "greedy", 74.5, 47.7, 19.1, 32.5),
    _row("MARIO-7B", "OVM@20", 82.9, 59.1, 28.3, 45.2),
    _row("MARIO-OVM-7B", "OVM@20", 83.6, 60.6, 25.4, 42.9),
)
"""Models of 7 billion parameters: greedy, and an outcome value model's choice of 20 samples."""
