"""A store with attempts to review."""

from dataclasses import replace

import pytest

from store.records import Outcome, Sampling, Support
from store.reviews.settings import ReviewSettings
from store.store import Store

SETTINGS = ReviewSettings(check_share=1.0)

ONE_DATABASE = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
"""For tests of rules that do not depend on the database, beside others that run the same statements on both."""


@pytest.fixture
def attempted(filled: Store, make) -> Store:
    """Four attempts at each of five problems: two that are accepted, of which one lacks support, undecided, wrong."""
    filled.iterations.schedule(1, 5, 4, Sampling())
    for assignment in filled.assignments.lease("test", 20, 60).assignments:
        outcomes = (Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.UNDECIDED, Outcome.WRONG)
        rollouts = [make.attempt(assignment, sample, outcome) for sample, outcome in enumerate(outcomes)]
        supported = [Support.SUPPORTED, Support.UNSUPPORTED, None, None]
        filled.rollouts.add(replace(one, support=kind) for one, kind in zip(rollouts, supported, strict=True))
    return filled


@pytest.fixture
def queued(attempted: Store) -> Store:
    """The same with its queues filled: five items to check, ten in doubt."""
    assert attempted.reviews.fill(SETTINGS) == 15
    return attempted
