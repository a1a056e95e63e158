"""The words of the pages."""

from collections.abc import Mapping

from store.records import ReviewKind, ReviewOrder, ReviewQueue, ReviewReason, ReviewVerdict

QUEUES: Mapping[ReviewQueue, tuple[str, str]] = {
    ReviewQueue.LABELS: (
        "Labels in doubt",
        "Attempts agree on an answer other than the label. Which is right?",
    ),
    ReviewQueue.DOUBTS: ("Solutions in doubt", "The answer does not follow from the code, or could not be judged."),
    ReviewQueue.CHECKS: ("Spot checks", "A sample of the accepted solutions. Is the reasoning right, too?"),
}
"""(Name, explanation) of each queue."""

ORDERS: Mapping[ReviewOrder, str] = {
    ReviewOrder.VALUE: "value of information",
    ReviewOrder.DISAGREEMENT: "disagreement",
    ReviewOrder.DOUBT: "doubt",
}

REASONS: Mapping[ReviewReason, str] = {
    ReviewReason.AUDIT: "the audit finds that attempts contradict the label",
    ReviewReason.UNSUPPORTED: "accepted, but its answer does not follow from its code",
    ReviewReason.UNDECIDED: "its answer could not be compared with the reference",
    ReviewReason.UNVERIFIABLE: "the reference answer cannot be read",
    ReviewReason.CHECKER_FAULT: "the answer checker failed on it",
    ReviewReason.SPOT_CHECK: "one of a sample of accepted solutions",
}

VERDICTS: Mapping[ReviewVerdict, str] = {
    ReviewVerdict.ACCEPT: "accepted",
    ReviewVerdict.REJECT: "rejected",
    ReviewVerdict.UNSURE: "unsure",
    ReviewVerdict.EDIT: "edited",
    ReviewVerdict.UNDO: "undone",
}

KINDS: Mapping[ReviewKind, str] = {ReviewKind.SOLUTION: "solutions", ReviewKind.LABEL: "labels"}
