"""The contents of a report, as plain records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eval.benchmarks.results import BenchReport
from eval.comparison import Comparison
from eval.support import SupportCounts
from store.outcomes import acceptance_rate, num_counted
from store.records import Decision, Outcome, Problem, Rollout
from store.runs.figures import Figure


@dataclass(frozen=True, slots=True)
class PolicyScore:
    """A published policy. `figure` is its greedy pass@1 on held-out problems, None if it was not measured.

    `label` is its origin: "base", "warm start" or its iteration. `other_figures` are those of sampled attempts, by
    metric. `comparison` is with the policy that was promoted before it, None if that is not known. `omissions` say what
    its figures count as not correct or leave out. `decision` is that on its promotion, `assessment` what it rests on.
    """

    version: int
    label: str
    figure: Figure | None
    was_promoted: bool
    served: bool
    other_figures: Mapping[str, Figure] = field(default_factory=dict)
    comparison: Comparison | None = None
    omissions: Sequence[str] = ()
    decision: Decision | None = None
    assessment: Mapping[str, Any] = field(default_factory=dict)


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
    def counted(self) -> int:
        """Rollouts that count for or against the policy."""
        return num_counted(self.outcomes)

    @property
    def acceptance_percent(self) -> float:
        """Accepted rollouts per rollout that counts for or against the policy, in percent."""
        return 100 * (acceptance_rate(self.outcomes) or 0.0)


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
    that self-training started from; `gain` compares the served policy with it. `before_after` holds pairs of attempts
    at the same problem. `benchmarks` has a report for each policy that was measured on public benchmarks.
    """

    name: str
    about: str
    state: str
    written_at: str
    start_version: int | None
    gain: Comparison | None
    facts: Sequence[tuple[str, str]]
    policies: Sequence[PolicyScore]
    iterations: Sequence[IterationStats]
    before_after: Sequence[tuple[Solution, Solution]]
    solutions: Sequence[Solution]
    configuration: str
    support: Sequence[SupportCounts] = ()
    benchmarks: Sequence[BenchReport] = ()

    @property
    def sampled_metrics(self) -> list[str]:
        """The metrics of sampled attempts that any policy has: pass@k, then maj@k."""
        names = {name for policy in self.policies for name in policy.other_figures}
        return sorted(names, key=lambda name: (not name.startswith("pass@"), name))
