"""Notes of what reading found besides problems: skipped rows by reason, layouts, problems of multiple choice."""

import logging

from store.records import SkippedRow, SkipReason

log = logging.getLogger(__name__)

MAX_LISTED = 10_000
"""Skipped rows that are listed. The others are only counted, so that memory does not grow with the source."""

_MAX_REASONS = 100
_MAX_EXAMPLES = 5  # positions of rows for each reason
_OTHERS = "other reasons"


class Notes:
    """What reading sources found besides problems, over all sources of an import."""

    def __init__(self) -> None:
        self.skipped: list[SkippedRow] = []
        self.layouts: list[str] = []
        self.multiple_choice = 0
        self._reasons: dict[tuple[str, bool], SkipReason] = {}

    def skip(self, row: SkippedRow) -> None:
        """Note a row that is left out."""
        if len(self.skipped) < MAX_LISTED:
            self.skipped.append(row)
        key = row.reason, row.no_answer
        if key not in self._reasons and len(self._reasons) >= _MAX_REASONS:
            key = _OTHERS, row.no_answer
        so_far = self._reasons.get(key, SkipReason(*key))
        examples = (*so_far.examples, row.position)[:_MAX_EXAMPLES]
        self._reasons[key] = SkipReason(*key, so_far.count + 1, examples)

    def found_layout(self, text: str) -> None:
        """Note which layout a source has, and how that is known."""
        self.layouts.append(text)

    @property
    def reasons(self) -> tuple[SkipReason, ...]:
        """The reasons for which rows were left out, the most frequent first."""
        return tuple(sorted(self._reasons.values(), key=lambda reason: -reason.count))


class LoggedNotes(Notes):
    """Notes that are logged as they come, for callers that do not report them."""

    def skip(self, row: SkippedRow) -> None:
        """Log a row that is left out."""
        log.warning("skipped: %s", row.text)

    def found_layout(self, text: str) -> None:
        """Log which layout a source has."""
        log.info("%s", text)
