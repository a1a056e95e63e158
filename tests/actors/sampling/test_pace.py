"""The pace of a sampler: what it may lease never exceeds its slots and the work of the next seconds."""

from math import ceil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.sampling.pace import Pace

from ..scripted import Clock

ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SLOTS = st.integers(1, 512)
LOOKAHEAD_S = st.floats(0, 60)
GAPS_S = st.lists(st.floats(0, 5), max_size=200)


def paced(slots: int, lookahead_s: float, gaps_s: list[float]) -> Pace:
    """After completions with these gaps between them."""
    clock = Clock()
    pace = Pace(slots, lookahead_s, clock)
    for gap_s in gaps_s:
        clock.now_s += gap_s
        pace.count()
    return pace


@ANY_SPEED
@given(SLOTS, LOOKAHEAD_S, GAPS_S, st.integers(0, 2000))
def test_no_more_is_held_than_the_slots_and_the_next_seconds_take(slots, lookahead_s, gaps_s, held) -> None:
    pace = paced(slots, lookahead_s, gaps_s)
    room = pace.room(held)
    assert room >= 0
    if room:
        assert held + room <= slots + min(slots, ceil(pace.per_s * lookahead_s))


@ANY_SPEED
@given(SLOTS, LOOKAHEAD_S, GAPS_S, st.data())
def test_while_a_slot_is_free_there_is_room(slots, lookahead_s, gaps_s, data) -> None:
    held = data.draw(st.integers(0, slots - 1))
    assert paced(slots, lookahead_s, gaps_s).room(held) >= slots - held


@ANY_SPEED
@given(SLOTS, LOOKAHEAD_S, GAPS_S)
def test_what_is_leased_at_once_is_worth_a_lease(slots, lookahead_s, gaps_s) -> None:
    """With all slots busy, attempts are not leased one by one as others end."""
    pace = paced(slots, lookahead_s, gaps_s)
    lookahead = pace.room(slots)
    rooms = [pace.room(slots + queued) for queued in range(lookahead + 1)]
    assert all(room == 0 or room >= min(lookahead, slots // 4) for room in rooms)
    assert rooms[-1] == 0


def test_the_pace_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    pace = Pace(8, 2.0, clock)
    assert pace.per_s == 0
    for _ in range(20):
        pace.count()
        clock.now_s += 0.5
    assert pace.per_s == pytest.approx(2.0)
    clock.now_s += 60
    assert pace.per_s == 0


def test_a_sampler_that_has_completed_nothing_leases_what_its_slots_hold() -> None:
    assert Pace(8, 2.0, Clock()).room(0) == 8
    assert Pace(8, 2.0, Clock()).room(8) == 0
