"""Bad rows as one sentence, grouped by reason; memory does not grow with their number."""

_LISTED = 10  # reasons that an error message lists
_POSITIONS = 3  # that it lists for each reason
_HOPELESS = 1000


class BadRows:
    """The first reasons for which rows are bad, with the first positions of each."""

    def __init__(self) -> None:
        self._positions: dict[str, list[str]] = {}
        self._counts: dict[str, int] = {}
        self._total = 0

    def add(self, position: str, reason: str) -> None:
        """Note the reason for which the row at this position is bad."""
        self._total += 1
        if reason in self._counts or len(self._counts) < _LISTED:
            self._counts[reason] = self._counts.get(reason, 0) + 1
            positions = self._positions.setdefault(reason, [])
            if len(positions) < _POSITIONS:
                positions.append(position)

    def __len__(self) -> int:
        return self._total

    @property
    def hopeless(self) -> bool:
        """Whether so many rows are bad that, if none was good, reading the rest tells nothing new."""
        return self._total >= _HOPELESS

    def __str__(self) -> str:
        listed = [f"{self._positions[reason][0]}: {reason}{self._also(reason)}" for reason in self._counts]
        others = self._total - sum(self._counts.values())
        return "; ".join([*listed, f"and {others:,} more"] if others else listed)

    def _also(self, reason: str) -> str:
        _, *positions = self._positions[reason]
        more = self._counts[reason] - 1 - len(positions)
        also = ", ".join([*positions, f"{more:,} more"] if more else positions)
        return f" (also {also})" if also else ""
