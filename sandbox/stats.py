"""Counts of what failed in the sandbox and what was done about it."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class SandboxStats:
    """Counts since the sandbox was made.

    `failures`: blocks that a failure of the sandbox ended. `retries`: those of them that were run again in another
    jail. `renewals`: jails that were replaced, by reason. `undecided`: comparisons of answers without a verdict, by
    reason.
    """

    failures: int = 0
    retries: int = 0
    renewals: Counter[str] = field(default_factory=Counter)
    undecided: Counter[str] = field(default_factory=Counter)

    def copy(self) -> "SandboxStats":
        """A snapshot that later counts do not change."""
        return SandboxStats(self.failures, self.retries, self.renewals.copy(), self.undecided.copy())
