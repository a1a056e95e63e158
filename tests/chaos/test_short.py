"""Three faults in two iterations: a sampler, a learner rank and the driver are killed, and everything still holds."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from .chaos import run_under_faults
from .run_settings import RunSettings
from .schedule import Planned

pytestmark = [
    pytest.mark.alone,  # it looks for what is left on the whole machine
    pytest.mark.timeout(900),  # every wait inside has a limit of its own
]

SETTINGS = RunSettings(
    size=150,
    demonstrations=60,
    problems=40,
    steps=100,
    warm_start_steps=60,
    heldout=20,
    engine_core=False,
    overrides=("answer_checker.symbolic=false",),
)
FAULTS = (
    Planned("sampler", iteration=1, share=0.2),
    Planned("learner rank", iteration=1, share=1.0),
    Planned("driver", iteration=2, share=0.2),
)


def test_a_run_whose_parts_are_killed_loses_and_leaves_nothing() -> None:
    with TemporaryDirectory(prefix="chaos-") as folder:
        outcome = run_under_faults(SETTINGS, FAULTS, iterations=2, folder=Path(folder))
    assert [recovery.strike.kind for recovery in outcome.recoveries] == [fault.kind for fault in FAULTS]
    assert outcome.failures == []
