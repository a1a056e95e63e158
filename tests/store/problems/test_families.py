"""Families: derived problems stay on their parents' side of the held-out line, whatever is imported in which order."""

import pytest
from sqlalchemy import func, select

from store.database.tables import ProblemRow
from store.errors import InvalidProblemError
from store.problems.sources.rows.splitting import question_key
from store.records import ExclusionKind, Problem, Split

PARENT = "A farmer has 21 round hay bales and sells a third of them to his neighbour. How many are left in the barn?"
CHILD = "Of the hay that somebody owns, twenty-one round bales, every third goes next door; count what stays with him."
SIBLING = "When x bales lay in a barn before a third was carted off, fourteen stayed there. What is the value of x?"
OTHER = "A baker has 24 square loaves and bakes a dozen more each hour. How many are there at noon?"


def original(question: str, split: Split = Split.TRAIN) -> Problem:
    return Problem(f"o{abs(hash(question))}", question, "14", "mine", split, question_key(question))


def derived(question: str, parent: str = PARENT, split: Split = Split.TRAIN, answer: str = "14") -> Problem:
    name, key = f"d{abs(hash(question))}", question_key(question)
    return Problem(name, question, answer, "made", split, key, parent_key=question_key(parent), made_by="rephrase")


def splits(store) -> dict[str, Split]:
    return {one.question: one.split for one in store.problems.iterate()}


def test_a_derived_problem_of_a_training_problem_is_trained_on_and_knows_its_parent(store):
    report = store.problems.import_new([derived(CHILD), original(PARENT)])
    assert (report.train, report.orphans) == (2, 0)
    (child,) = store.problems.find(CHILD, 1)
    assert (child.split, child.parent_key, child.made_by) == (Split.TRAIN, question_key(PARENT), "rephrase")


def test_a_derived_problem_of_a_held_out_one_is_excluded_also_if_it_comes_again_as_an_original(store):
    report = store.problems.import_new([derived(CHILD), original(PARENT, Split.HELDOUT)])
    assert (report.train, report.heldout, report.left_out, report.relatives) == (0, 1, 1, 1)
    assert [one.kind for one in store.problems.exclusions()] == [ExclusionKind.RELATIVE]
    assert store.problems.import_new([original(CHILD)]).train == 0
    assert splits(store)[CHILD] is Split.EXCLUDED


def test_derived_problems_are_excluded_when_their_parent_becomes_held_out(store):
    store.problems.import_new([original(PARENT), derived(CHILD), derived(SIBLING, split=Split.CANDIDATE)])
    report = store.problems.import_new([original(PARENT, Split.HELDOUT)])
    assert (report.withdrawn, report.relatives) == (3, 2)
    assert splits(store) == {PARENT: Split.HELDOUT, CHILD: Split.EXCLUDED, SIBLING: Split.EXCLUDED}


def test_a_whole_family_is_excluded_when_a_near_duplicate_of_one_member_is_held_out(store):
    store.problems.import_new([original(PARENT), derived(CHILD), derived(SIBLING), original(OTHER)])
    store.problems.import_new([original(CHILD.replace("Of the hay", "Of all the hay"), Split.HELDOUT)])
    found = splits(store)
    assert [found[one] for one in (PARENT, CHILD, SIBLING)] == [Split.EXCLUDED] * 3
    assert found[OTHER] is Split.TRAIN


def test_a_derived_problem_that_is_held_out_by_a_test_set_takes_its_label_and_excludes_its_family(store):
    store.problems.import_new([original(PARENT), derived(CHILD, split=Split.CANDIDATE, answer="13"), derived(SIBLING)])
    store.problems.import_new([original(CHILD, Split.HELDOUT)])
    assert splits(store) == {PARENT: Split.EXCLUDED, CHILD: Split.HELDOUT, SIBLING: Split.EXCLUDED}
    assert store.problems.find(CHILD, 1)[0].answer == "14"


def test_a_derived_problem_that_is_similar_to_a_held_out_one_excludes_its_parent(store):
    near = CHILD.replace("Of the hay", "Of all the hay")
    store.problems.import_new([original(PARENT), original(near, Split.HELDOUT)])
    report = store.problems.import_new([derived(CHILD), derived(SIBLING)])
    assert (report.train, report.left_out, report.withdrawn) == (0, 2, 1)
    assert splits(store)[PARENT] is Split.EXCLUDED


def test_a_derived_problem_of_one_that_an_import_left_out_is_excluded(store):
    near = PARENT.replace("How many", "How many bales")
    store.problems.import_new([original(near, Split.HELDOUT), original(PARENT)])
    assert PARENT not in splits(store)
    report = store.problems.import_new([derived(CHILD)])
    assert (report.train, report.left_out, report.orphans) == (0, 1, 0)


def test_a_derived_problem_of_two_parents_is_excluded_with_either(store):
    store.problems.import_new([original(PARENT), original(OTHER), derived(CHILD), derived(CHILD, OTHER)])
    store.problems.import_new([original(OTHER, Split.HELDOUT)])
    assert splits(store) == {PARENT: Split.EXCLUDED, OTHER: Split.HELDOUT, CHILD: Split.EXCLUDED}


def test_a_stored_problem_that_turns_out_to_be_derived_from_a_held_out_one_is_withdrawn(store):
    store.problems.import_new([original(PARENT, Split.HELDOUT), original(CHILD)])
    report = store.problems.import_new([derived(CHILD)])
    assert (report.train, report.known, report.withdrawn) == (0, 1, 1)
    assert splits(store)[CHILD] is Split.EXCLUDED


def test_derived_problems_without_their_parent_are_counted_and_not_stored(store):
    report = store.problems.import_new([derived(CHILD), original(OTHER)])
    assert (report.read, report.train, report.orphans, report.known) == (2, 1, 1, 0)
    assert splits(store) == {OTHER: Split.TRAIN}


def test_importing_derived_problems_again_changes_nothing(store):
    problems = [original(PARENT), derived(CHILD), derived(SIBLING, split=Split.CANDIDATE)]
    store.problems.import_new(problems)
    before = splits(store)
    report = store.problems.import_new(problems)
    assert (report.added, report.known, report.withdrawn) == (0, 3, 0)
    assert splits(store) == before


def test_a_candidate_is_trained_on_once_it_is_confirmed_unless_it_was_excluded(store):
    store.problems.import_new([original(PARENT), derived(CHILD, split=Split.CANDIDATE), original(OTHER)])
    store.problems.import_new([derived(SIBLING, OTHER, Split.CANDIDATE)])
    assert store.problems.counts() == {"train": 2, "heldout": 0, "excluded": 0, "candidate": 2}
    candidates = [one for page in store.problems.candidates(page=1) for one in page]
    assert {one.question for one in candidates} == {CHILD, SIBLING}
    store.problems.import_new([original(OTHER, Split.HELDOUT)])
    assert store.problems.confirm([one.id for one in candidates]) == 1
    assert splits(store)[CHILD] is Split.TRAIN
    assert splits(store)[SIBLING] is Split.EXCLUDED


@pytest.mark.parametrize("problem", [derived(CHILD, split=Split.HELDOUT), original(PARENT, Split.CANDIDATE)])
def test_derived_problems_are_never_imported_as_held_out_nor_originals_as_candidates(store, problem):
    with pytest.raises(InvalidProblemError):
        store.problems.import_new([problem])


def test_an_original_without_derived_problems_has_no_family_key(store):
    store.problems.import_new([original(PARENT), original(OTHER), derived(CHILD)])
    with store.problems._read() as session:
        assert session.scalar(select(func.count(ProblemRow.family_key))) == 1
