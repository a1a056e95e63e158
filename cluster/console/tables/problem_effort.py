"""The effort on a problem: what each iteration tried and why, and what an attempt is worth now, in words."""

from collections.abc import Callable, Mapping

from rich.console import Console
from rich.text import Text

from cluster.console.tables.columns import print_table
from store.runs.scheduling.decisions import Decision, ProblemEffort
from store.runs.scheduling.worth import Worth
from store.settings import SchedulingRule

_FEW, _MOST = 0.1, 0.9  # expected pass rates below and above which a problem is called hard or easy
_SIMILAR = 0.01  # attempts that count below which the pass rate is that of similar problems alone


def print_effort(effort: ProblemEffort, rule: SchedulingRule) -> None:
    """Print the decisions on a problem and what the present rule makes of it."""
    console = Console()
    print_table(console, [_row(decision) for decision in effort.decisions], widest="outcomes")
    console.print(Text(f"{rule}: {explain(effort, rule)}", style="bold"))


def explain(effort: ProblemEffort, rule: SchedulingRule) -> str:
    """Say why a rule attempts a problem often or rarely."""
    if effort.worth is None:
        return "never attempted in training, as it is no training problem"
    return _RULES[rule](effort, effort.worth)


def _explain_worth(effort: ProblemEffort, worth: Worth) -> str:
    ratio = worth.weight / effort.mean_weight
    return (
        f"{_reason(effort, worth)}. In iteration {effort.next_iteration} an attempt has a chance of "
        f"{worth.pass_rate:.0%} and weight {worth.weight:.2f}, {ratio:.1f} times the mean"
    )


def _reason(effort: ProblemEffort, worth: Worth) -> str:
    if worth.evidence < _SIMILAR:
        never = "no attempt has had a verdict" if effort.attempts else "not attempted yet"
        return f"{never}, so it is estimated by similar problems"
    tried = f"solved {effort.accepted} of {effort.judged}"
    if worth.pass_rate > _MOST and worth.known:
        return f"{tried}: little to learn"
    if worth.pass_rate < _FEW:
        return f"{tried}: tried again rarely"
    if worth.known:
        further = f"{worth.known} solution{'s' * (worth.known > 1)} known, of further ones {worth.new_rate:.0%} are new"
        return f"{tried}, {further}"
    return f"{tried}, no solution known"


_RULES: Mapping[SchedulingRule, Callable[[ProblemEffort, Worth], str]] = {
    "by_difficulty": _explain_worth,
    "fewest_attempts_first": lambda effort, _: f"comes after problems with fewer attempts than {effort.attempts}",
    "fewest_accepted_first": lambda effort, _: f"comes after problems solved fewer than {effort.accepted} times",
    "uniform": lambda effort, worth: "as likely as any other problem",
}


def _row(decision: Decision) -> dict[str, str]:
    outcomes = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in decision.outcomes.items())
    return {
        "iteration": str(decision.iteration),
        "attempts": str(decision.samples),
        "estimate": "-" if decision.pass_rate is None else f"{decision.pass_rate:.0%}",
        "weight": "-" if decision.weight is None else f"{decision.weight:.2f}",
        "new solutions": str(decision.solutions),
        "outcomes": outcomes or "none yet",
    }
