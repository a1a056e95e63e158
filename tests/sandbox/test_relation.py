"""How algebra relates two expressions, in the jail."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sandbox.equivalence import AnswerChecker
from sandbox.relation import Relation, read_relation
from sandbox.settings import AnswerCheckerSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def checker() -> AsyncIterator[AnswerChecker]:
    async with AnswerChecker(AnswerCheckerSettings(check_wall_s=5.0)) as checker:
        yield checker


@pytest.mark.parametrize(
    ("left", "right", "relation"),
    [
        ("x+1", "1+x", Relation(True)),
        ("x+1", "x+2", Relation(False)),
        (r"\frac12", "0.5", Relation(True, 0.5, 0.5)),
        ("1/3", "0.33", Relation(False, 1 / 3, 0.33)),
        ("1, 2", "3", Relation(None, None, 3.0)),
        (r"\sqrt{-1}", "1", Relation(False, None, 1.0)),
        ("", "1", Relation(None, None, 1.0)),
    ],
)
async def test_expressions_are_related_as_they_are_written(
    checker: AnswerChecker, left: str, right: str, relation: Relation
) -> None:
    assert await checker.relate(left, right) == relation


async def test_what_takes_too_long_is_not_known(checker: AnswerChecker) -> None:
    assert (await checker.relate("9" * 3000, "1")) == Relation()
    assert (await checker.relate("(x+y+z+1)^{5000}", "1")).equal is not True


async def test_only_the_expected_form_is_believed() -> None:
    assert read_relation("'True|0.5|?'") == Relation(True, 0.5, None)
    assert read_relation("'?|-1e-07|inf'") == Relation(None, -1e-07, float("inf"))
    for shown in ("", "True", "'True|1|2|3'", "'Yes|1|2'", "'True|__import__|2'", "'True|1.2.3|2'"):
        assert read_relation(shown).equal in (None, True)
    assert read_relation("'True|1.2.3|2'").left is None
    assert read_relation("'True|__import__|2'") == Relation()
