"""The schedule of faults is a function of its seed, and covers every kind."""

import pytest

from .faults import KINDS, possible_kinds
from .schedule import DRIVER_KILLS, plan

ALL = possible_kinds(has_server=True)


def test_a_seed_gives_the_same_faults_again_and_another_one_others() -> None:
    assert plan(1, 60, 10, ALL) == plan(1, 60, 10, ALL) != plan(2, 60, 10, ALL)


@pytest.mark.parametrize("seed", range(5))
def test_sixty_faults_have_every_kind_and_kill_the_driver_six_times(seed: int) -> None:
    names = [fault.kind for fault in plan(seed, 60, 10, ALL)]
    assert len(names) == 60
    assert set(names) == set(ALL)
    assert names.count("driver") == DRIVER_KILLS


def test_faults_come_in_all_iterations_those_of_the_learner_last() -> None:
    faults = plan(3, 60, 10, ALL)
    assert {fault.iteration for fault in faults} == set(range(1, 11))
    assert faults == sorted(
        faults, key=lambda fault: (fault.iteration, KINDS[fault.kind].work != "judged", fault.share)
    )
