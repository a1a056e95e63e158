"""What a teacher is asked to do: the loop of requests knows an attempt by these calls alone."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from enum import Enum, auto
from typing import Any, Protocol

from actors.annotation.progress import JobProgress
from actors.annotation.work import Work
from store.records import AnnotationJob, Problem
from store.store import Store


class AttemptFailure(Exception):  # noqa: N818 - what happened to an attempt
    """An attempt cannot go on for now, for a reason that says nothing about it. It can be continued later."""


class Need(Enum):
    """What an attempt needs next."""

    TURN = auto()  # of the teacher
    RETURN = auto()  # the output of its code, or an answer to a bad call
    VERDICT = auto()


class Task(Protocol):
    """A task of a teacher, with attempts at it; each follows from its stored turns, so that it continues anywhere."""

    def open_work(self) -> AsyncIterator[Work]:
        """The attempts without an outcome, one by one."""
        ...

    def body(self, work: Work) -> dict[str, Any]:
        """The request for the next turn of an attempt, without how it is sent."""
        ...

    def need(self, work: Work) -> Need:
        """What an attempt needs next."""
        ...

    async def show(self, work: Work) -> Work:
        """The attempt after its last turn was answered, which is stored.

        Raises:
            AttemptFailure: there is no answer for now.
        """
        ...

    async def finish(self, work: Work) -> Work:
        """The attempt with its outcome, which is stored.

        Raises:
            AttemptFailure: there is no outcome for now.
        """
        ...

    async def close(self, work: Work) -> None:
        """Free what an attempt holds, whether or not it has ended."""
        ...

    async def conclude(self, problem: Problem) -> None:
        """Store what the attempts at a problem say together, if all of them have ended.

        Raises:
            AttemptFailure: it cannot be told for now. The next start does it.
        """
        ...


type OpenTask = Callable[[Store, AnnotationJob, JobProgress], AbstractAsyncContextManager[Task]]
"""Opens what a task needs, such as a sandbox, for as long as its job is at work."""
