"""What a worker holds, and which of its leases it extends."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.sampling.held_attempts import HeldAttempts
from store.records import Assignment, Outcome, Problem, Purpose, Rollout, Sampling, Split, rollout_id

ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def assignment(number: int, pending: tuple[int, ...] = (0, 1), version: int | None = None) -> Assignment:
    purpose = Purpose.TRAIN if version is None else Purpose.EVAL
    problem = Problem("p", "q", "1", "test", Split.TRAIN, "key")
    return Assignment(number, problem, purpose, Sampling(), pending, version)


def rollout(number: int, sample: int) -> Rollout:
    name = rollout_id(number, sample)
    return Rollout(name, "p", Purpose.TRAIN, Outcome.WRONG, "tir", (), (), (), assignment_id=number)


def all_progress(_: str) -> bool:
    return True


def none_progress(_: str) -> bool:
    return False


def test_attempts_are_held_until_they_are_written() -> None:
    held = HeldAttempts()
    assert held.add(assignment(1, (0, 2))) == [0, 2]
    held.begin(1, 0)
    held.mark_sampled(rollout(1, 0))
    assert held.total == 2
    held.mark_written(rollout(1, 0))
    assert held.total == 1


def test_what_is_leased_again_while_it_is_held_is_not_made_twice() -> None:
    held = HeldAttempts()
    held.add(assignment(1, (0, 1)))
    held.begin(1, 0)
    held.mark_sampled(rollout(1, 0))
    assert held.add(assignment(1, (0, 1, 2))) == [2]
    assert held.total == 3


def test_an_assignment_without_pending_attempts_is_not_held() -> None:
    held = HeldAttempts()
    assert held.add(assignment(1, ())) == []
    assert (held.total, held.progressing(all_progress)) == (0, [])


def test_evaluations_are_included_until_they_are_sampled() -> None:
    held = HeldAttempts()
    held.add(assignment(1))
    assert not held.include_evaluations
    held.add(assignment(2, (0, 1), version=1))
    for sample in (0, 1):
        assert held.include_evaluations
        held.begin(2, sample)
        held.mark_sampled(rollout(2, sample))
    assert not held.include_evaluations


def test_leases_of_attempts_that_make_progress_are_extended() -> None:
    held = HeldAttempts()
    for number in (1, 2):
        held.add(assignment(number))
        held.begin(number, 0)
    assert held.progressing(lambda name: name == "2-0") == [2]


def test_an_assignment_one_of_whose_attempts_hangs_is_extended_while_another_gets_on() -> None:
    held = HeldAttempts()
    held.add(assignment(1, (0, 1)))
    held.begin(1, 0)
    held.begin(1, 1)
    assert held.progressing(lambda name: name == "1-1") == [1]


def test_what_waits_for_a_slot_is_extended_while_any_attempt_gets_on() -> None:
    held = HeldAttempts()
    held.add(assignment(1))
    held.begin(1, 0)
    held.add(assignment(2))
    assert held.progressing(all_progress) == [1, 2]
    assert held.progressing(none_progress) == [], "with an engine that hangs, no slot will become free"


def test_what_waits_to_be_written_is_extended() -> None:
    held = HeldAttempts()
    held.add(assignment(1, (0,)))
    held.begin(1, 0)
    held.mark_sampled(rollout(1, 0))
    held.add(assignment(2))
    held.begin(2, 0)
    assert held.progressing(none_progress) == [1]


@ANY_SPEED
@given(st.data())
def test_nothing_is_left_once_everything_is_written(data: Any) -> None:
    held = HeldAttempts()
    queued: list[tuple[int, int]] = []
    sampled: list[tuple[int, int]] = []
    for _ in range(data.draw(st.integers(0, 40))):
        match data.draw(st.sampled_from(["lease", "sample", "write"])):
            case "lease":
                number = data.draw(st.integers(1, 4))
                pending = data.draw(st.sets(st.integers(0, 3)))
                version = 1 if number == 4 else None
                queued += [(number, i) for i in held.add(assignment(number, tuple(sorted(pending)), version))]
            case "sample" if queued:
                one = queued.pop(data.draw(st.integers(0, len(queued) - 1)))
                held.begin(*one)
                held.mark_sampled(rollout(*one))
                sampled.append(one)
            case "write" if sampled:
                held.mark_written(rollout(*sampled.pop()))
        assert held.total == len(queued) + len(sampled) == len(set(queued + sampled))
        assert held.include_evaluations == any(number == 4 for number, _ in queued)
    for one in queued:
        held.begin(*one)
        held.mark_sampled(rollout(*one))
    for one in queued + sampled:
        held.mark_written(rollout(*one))
    assert (held.total, held.include_evaluations, held.progressing(all_progress)) == (0, False, [])
