"""The real answer checker, whose sandbox does the algebra of every rule."""

from collections.abc import AsyncIterator

import pytest_asyncio

from sandbox.equivalence import AnswerChecker


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def checker() -> AsyncIterator[AnswerChecker]:
    async with AnswerChecker() as checker:
        yield checker
