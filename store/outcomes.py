"""What counts for or against a policy, and the acceptance rate over that."""

from collections.abc import Mapping

from store.records import Outcome

COUNTED = frozenset(
    {
        Outcome.ACCEPTED,
        Outcome.WRONG,
        Outcome.NO_ANSWER,
        Outcome.TRUNCATED,
        Outcome.REPETITIVE,
        Outcome.UNPARSABLE,
    }
)
"""The outcomes that count for or against a policy. All others show a limit of the checker, a reference that cannot be
read, or a fault of the infrastructure: they are in no rate, no problem's difficulty and no pool.
"""


def num_counted(outcomes: Mapping[str, int]) -> int:
    """The number of rollouts that count for or against the policy, given the counts of rollouts by outcome."""
    return sum(outcomes.get(outcome.value, 0) for outcome in COUNTED)


def acceptance_rate(outcomes: Mapping[str, int]) -> float | None:
    """Accepted rollouts per rollout that counts, from 0 to 1, given the counts by outcome; None if none counts."""
    counted = num_counted(outcomes)
    return outcomes.get(Outcome.ACCEPTED.value, 0) / counted if counted else None


def fault_share(outcomes: Mapping[str, int]) -> float | None:
    """Faults per rollout of any outcome, from 0 to 1, given the counts by outcome; None without rollouts."""
    total = sum(outcomes.values())
    return outcomes.get(Outcome.FAULT.value, 0) / total if total else None
