"""Why a problem is attempted often or rarely, in words."""

import pytest

from cluster.console.tables.problem_effort import explain
from store.runs.scheduling.decisions import ProblemEffort
from store.runs.scheduling.worth import Worth


def effort(judged: int, accepted: int, solutions: int, pass_rate: float, attempts: int | None = None) -> ProblemEffort:
    """A problem with these counters, as `by_difficulty` sees it."""
    worth = Worth("p", pass_rate, judged, 0.25, solutions, 0, 1.0, 0.2, 0.0)
    attempts = judged if attempts is None else attempts
    return ProblemEffort(attempts, judged, accepted, solutions, 0, 100 * judged, (), 4, worth, 0.1)


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (effort(4, 4, 1, 0.95), "solved 4 of 4: little to learn"),
        (effort(24, 0, 0, 0.02), "solved 0 of 24: tried again rarely"),
        (effort(8, 3, 2, 0.4), "solved 3 of 8, 2 solutions known, of further ones 25% are new"),
        (effort(8, 3, 1, 0.4), "solved 3 of 8, 1 solution known, of further ones 25% are new"),
        (effort(2, 0, 0, 0.3), "solved 0 of 2, no solution known"),
        (effort(0, 0, 0, 0.5), "not attempted yet, so it is estimated by similar problems"),
        (effort(0, 0, 0, 0.5, attempts=4), "no attempt has had a verdict, so it is estimated by similar problems"),
    ],
)
def test_the_reason_is_said_with_the_weight(shown: ProblemEffort, reason: str) -> None:
    text = explain(shown, "by_difficulty")
    assert text.startswith(reason + ". ")
    assert text.endswith("and weight 0.20, 2.0 times the mean")


def test_a_problem_that_is_not_trained_on_has_no_reason() -> None:
    heldout = ProblemEffort(0, 0, 0, 0, 0, 0, (), 1, None, 0.0)
    assert explain(heldout, "by_difficulty") == "never attempted in training, as it is no training problem"


def test_other_rules_say_what_they_order_by() -> None:
    shown = effort(8, 3, 2, 0.4)
    assert explain(shown, "fewest_attempts_first") == "comes after problems with fewer attempts than 8"
    assert explain(shown, "fewest_accepted_first") == "comes after problems solved fewer than 3 times"
    assert explain(shown, "uniform") == "as likely as any other problem"
