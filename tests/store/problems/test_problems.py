from dataclasses import replace

import pytest

from store.errors import InvalidProblemError, UnknownRecordError
from store.records import Problem, Split


def test_problems_are_read_back_and_added_once(store, make):
    problems = [replace(make.problem(1), subject="algebra", level="5"), make.problem(2, Split.HELDOUT)]
    assert store.problems.add(problems) == 2
    assert store.problems.add([*problems, make.problem(3)]) == 1
    assert store.problems.counts() == {"train": 2, "heldout": 1, "excluded": 0}
    assert store.problems.get("p1") == problems[0]
    assert list(store.problems.iterate(Split.HELDOUT)) == problems[1:]
    assert store.problems.by_split_key(["key-1", "nothing"]) == {"key-1": problems[0]}


def test_the_order_of_problems_is_always_the_same_and_not_that_of_import(store, make):
    store.problems.add(make.problem(i) for i in range(50))
    order = [problem.id for problem in store.problems.iterate()]
    assert order != [f"p{i}" for i in range(50)]
    assert [problem.id for problem in store.problems.iterate(limit=10)] == order[:10]


def test_a_problem_of_the_same_key_keeps_its_split(store, make):
    held_out = make.problem(1, Split.HELDOUT)
    store.problems.add([held_out])
    assert store.problems.add([replace(make.problem(1), id="other"), replace(held_out, split=Split.TRAIN)]) == 0
    assert list(store.problems.iterate()) == [held_out]


def test_a_source_that_fails_half_way_leaves_nothing(store, make):
    def breaks():
        for i in range(1200):
            yield make.problem(i)
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        store.problems.add(breaks())
    assert store.problems.counts()["train"] == 0


@pytest.mark.parametrize("field", ["id", "question", "answer", "split_key"])
def test_an_empty_field_is_refused_by_name(store, make, field):
    with pytest.raises(InvalidProblemError, match=f"its {field} is empty"):
        store.problems.add([make.problem(1), replace(make.problem(2), **{field: " "})])
    assert store.problems.counts()["train"] == 0


def test_two_problems_of_one_id_are_refused(store, make):
    twin = replace(make.problem(1), split_key="another")
    with pytest.raises(InvalidProblemError, match="two different problems have the id 'p1'"):
        store.problems.add([make.problem(1), twin])
    store.problems.add([make.problem(1)])
    with pytest.raises(InvalidProblemError, match="two different problems have the id 'p1'"):
        store.problems.add([twin])


def test_an_unknown_problem_is_an_error(store):
    with pytest.raises(UnknownRecordError, match="no problem 'p9'"):
        store.problems.get("p9")


def test_problems_are_counted_up_to_a_limit(filled):
    assert filled.problems.count_up_to(100, Split.HELDOUT) == 10
    assert filled.problems.count_up_to(4, Split.HELDOUT) == 4
    assert filled.problems.count_up_to(4, Split.EXCLUDED) == 0


def test_problems_are_counted_by_source(filled):
    assert filled.problems.counts_by_source() == {"test": 30}


def test_problems_of_another_store_are_compared_with_held_out_ones_and_not_stored(filled):
    held, other = "Tom buys 3 red apples and 4 green apples at the market. How many apples has he?", "What is 9 - 4?"
    filled.problems.add([Problem("h", held, "7", "test", Split.HELDOUT, "held")])
    elsewhere = [Problem(f"e{i}", text, "7", "x", Split.TRAIN, f"e{i}") for i, text in enumerate((held, other))]

    found = filled.problems.nearest_heldout(elsewhere)

    assert {key: nearest.heldout_id for key, nearest in found.items()} == {"e0": "h"}
    assert filled.problems.counts()["train"] == 20
