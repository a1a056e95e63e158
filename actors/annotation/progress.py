"""How far a job is, for whoever watches it."""

import time
from collections import Counter
from dataclasses import dataclass, field

from store.records import UNSPENT, Spending


@dataclass(slots=True)
class JobProgress:
    """What this start of a job did so far. `spending` is that of the job, over all its starts.

    `outcomes` counts attempts that ended, `failures` those that could not go on, by reason; `problems` are complete.
    """

    started_s: float = field(default_factory=time.monotonic)
    spending: Spending = UNSPENT
    turns: int = 0
    problems: int = 0
    left_unanswered: int = 0  # requests of an earlier process, which ended before they were answered
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    budget_is_spent: bool = False
    is_stopped: bool = False

    @property
    def attempts_per_minute(self) -> float:
        """How many attempts ended per minute."""
        passed_s = max(time.monotonic() - self.started_s, 1.0)
        return 60 * self.outcomes.total() / passed_s
