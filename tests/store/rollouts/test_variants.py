"""Variants: solutions with the same sketch are distinguished when they are written, and numbered."""

import pytest
from sqlalchemy import select, text, update

from store.database.connection import transaction
from store.database.tables import ProblemRow, RolloutRow
from store.errors import StoreDamagedError
from store.records import Outcome, Sampling
from store.rollouts.pools import rebuild

SAME_SKETCH = ["x = 1 + 2", "x = 2 + 1", "x = 3 + 0"]


@pytest.fixture
def assignment(filled):
    filled.iterations.schedule(1, problems=1, samples=12, sampling=Sampling())
    (leased,) = filled.assignments.lease("me", 1, 60).assignments
    return leased


def variants(store):
    """(variant, place) in the order of writing."""
    with transaction(store._database.engine, write=False) as session:
        columns = RolloutRow.variant, RolloutRow.place
        assert session.scalar(text("SELECT count(DISTINCT sketch) FROM rollouts")) == 1
        return [tuple(row) for row in session.execute(select(*columns).order_by(RolloutRow.seq))]


def write(store, make, assignment, first, codes, outcome=Outcome.ACCEPTED):
    store.rollouts.add([make.attempt(assignment, first + i, outcome, code) for i, code in enumerate(codes)])


def test_different_programs_with_the_same_sketch_get_separate_places(filled, make, assignment):
    write(filled, make, assignment, 0, SAME_SKETCH)
    assert variants(filled) == [(0, 1), (1, 2), (2, 3)]


def test_a_stored_program_is_recognised_under_other_names(filled, make, assignment):
    write(filled, make, assignment, 0, SAME_SKETCH)
    write(filled, make, assignment, 3, ["total = (2 + 1)  # again", "x=3+0", "x = 4 + 0", "y = 4 + 0"])
    assert variants(filled)[3:] == [(1, None), (2, None), (3, 4), (3, None)]


def test_a_copy_of_a_copy_is_recognised_after_the_first_was_deleted(filled, make, assignment):
    write(filled, make, assignment, 0, ["x = 1 + 2", *SAME_SKETCH])
    with transaction(filled._database.engine, write=True) as session:
        session.execute(text("DELETE FROM executions WHERE rollout_seq = (SELECT min(seq) FROM rollouts)"))
        session.execute(text("DELETE FROM rollouts WHERE seq = (SELECT min(seq) FROM rollouts)"))
        rebuild(session, [assignment.problem.id])
    write(filled, make, assignment, 4, ["z = 1 + 2", "z = 5 + 5"])
    assert variants(filled) == [(0, 1), (1, 2), (2, 3), (0, None), (3, 4)]


def test_a_mistake_and_a_solution_with_the_same_program_share_a_variant_and_have_a_place_each(filled, make, assignment):
    write(filled, make, assignment, 0, SAME_SKETCH[:2])
    write(filled, make, assignment, 2, SAME_SKETCH[:2], Outcome.WRONG)
    assert variants(filled) == [(0, 1), (1, 2), (0, 1), (1, 2)]


def test_a_rebuild_assigns_the_same_places(filled, make, assignment):
    write(filled, make, assignment, 0, [*SAME_SKETCH, *SAME_SKETCH, "x = 9 + 9"])
    before = variants(filled)
    with transaction(filled._database.engine, write=True) as session:
        rebuild(session, session.scalars(select(ProblemRow.id)).all())
    assert variants(filled) == before


def test_nothing_is_written_if_a_candidate_cannot_be_read(filled, make, assignment):
    write(filled, make, assignment, 0, SAME_SKETCH[:1])
    with transaction(filled._database.engine, write=True) as session:
        session.execute(update(RolloutRow).values(segments=b"damaged"))
    with pytest.raises(StoreDamagedError, match=f"rollout {assignment.id}-0: its stored bytes are corrupted"):
        write(filled, make, assignment, 1, SAME_SKETCH[1:])
    assert len(variants(filled)) == 1
