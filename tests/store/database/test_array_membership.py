"""Array membership: which rows are found, and that the number of values does not change the statement."""

from typing import Any

import pytest
from sqlalchemy import event, select

from store.database.array_membership import in_array
from store.database.connection import transaction
from store.database.tables import ProblemRow
from store.records import Problem, Split

AWKWARD = ["plain", 'quo"te', "it's", "back\\slash", "comma, {brace}", "per cent %s", "NULL", "é ∑ 😀", "  spaces "]


@pytest.fixture
def filled(store):
    store.problems.add(Problem(name, "q", "1", "test", Split.TRAIN, f"key {name}") for name in (*AWKWARD, "other"))
    return store


def found(store, column, values) -> set[str]:
    with transaction(store._database.engine, write=False) as session:
        return set(session.scalars(select(ProblemRow.id).where(in_array(column, values))))


def test_the_rows_of_these_texts_are_found_and_no_others(filled):
    assert found(filled, ProblemRow.id, AWKWARD) == set(AWKWARD)
    assert found(filled, ProblemRow.id, ["plain", "absent", "plain"]) == {"plain"}


def test_none_are_found_among_no_values(filled):
    assert found(filled, ProblemRow.id, []) == set()


def test_the_rows_of_these_numbers_are_found(filled):
    with transaction(filled._database.engine, write=False) as session:
        keys = dict(session.execute(select(ProblemRow.id, ProblemRow.shuffle_key)).all())
    wanted = ["plain", "other"]
    assert found(filled, ProblemRow.shuffle_key, {keys[name] for name in wanted} | {-1}) == set(wanted)


def test_one_statement_serves_any_number_of_values(filled):
    statements: set[str] = set()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            statements.add(statement)

    event.listen(filled._database.engine, "before_cursor_execute", note)
    for count in range(len(AWKWARD)):
        assert len(found(filled, ProblemRow.id, AWKWARD[:count])) == count
    event.remove(filled._database.engine, "before_cursor_execute", note)
    assert len(statements) == 1
