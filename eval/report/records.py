"""The contents of a report, as plain records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eval.metrics import standard_error
from eval.support import SupportCounts
from store.records import Outcome, Problem, Rollout


@dataclass(frozen=True, slots=True)
class PolicyScore:
    """A published policy. `score` is its greedy pass@1 on `n` held-out problems, None if it was not measured.

    `label` is its origin: "base", "warm start" or its iteration. `other_metrics` are its other metrics by name.
    """

    version: int
    label: str
    score: float | None
    n: int
    was_promoted: bool
    served: bool
    other_metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def error(self) -> float:
        """The standard error of the score."""
        return 0.0 if self.score is None else standard_error(self.score, self.n)


@dataclass(frozen=True, slots=True)
class IterationStats:
    """Statistics of a closed iteration, which published `policy_version`.

    `outcomes` counts training rollouts by outcome; `seconds` is the wall clock by phase; `blocks` counts code blocks
    that were run.
    """

    number: int
    policy_version: int | None
    outcomes: Mapping[str, int]
    blocks: int = 0
    tokens_per_s: float | None = None
    loss: float | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def rollouts(self) -> int:
        """Training rollouts of any outcome."""
        return sum(self.outcomes.values())

    @property
    def accepted(self) -> int:
        """Rollouts with a correct answer."""
        return self.outcomes.get(Outcome.ACCEPTED.value, 0)

    @property
    def acceptance_percent(self) -> float:
        """Accepted rollouts per rollout, in percent."""
        return 100 * self.accepted / self.rollouts if self.rollouts else 0.0


@dataclass(frozen=True, slots=True)
class Solution:
    """One attempt to read. `author` is the policy that wrote it, such as "v2 (iteration 1)"."""

    problem: Problem
    rollout: Rollout
    author: str


@dataclass(frozen=True, slots=True)
class Report:
    """The contents of a report.

    `about` describes the run in a sentence or two. `facts` are (name, value) pairs. `start_version` is the policy
    that self-training started from. `before_after` holds pairs of attempts at the same problem.
    """

    name: str
    about: str
    state: str
    written_at: str
    start_version: int | None
    facts: Sequence[tuple[str, str]]
    policies: Sequence[PolicyScore]
    iterations: Sequence[IterationStats]
    before_after: Sequence[tuple[Solution, Solution]]
    solutions: Sequence[Solution]
    configuration: str
    support: Sequence[SupportCounts] = ()
