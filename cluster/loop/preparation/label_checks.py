"""Checks of labels at import: a problem whose label the answer checker cannot read is told of before it is sampled."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import batched

from sandbox.equivalence import AnswerChecker, AnswerCheckFailed, compare_plain
from sandbox.host import SandboxUnavailable
from sandbox.settings import AnswerCheckerSettings
from store.records import Problem
from store.settings import ProblemSourceSettings

log = logging.getLogger(__name__)

LIMIT_S = 600.0
"""Seconds for the checks of one import. The labels after that are imported unchecked."""

_BATCH = 512  # problems
_PROBES = ("0", "word")  # a label that is compared with one of these can be read
_REMEMBERED = 100_000  # labels

type OnChecked = Callable[[int, int | None], None]
"""Called with the number of problems whose labels were checked, and their total, which is not known."""


class LabelChecks:
    """Finds the labels that cannot be compared with any answer but one of the same words.

    `unreadable` lists them, each with the problem's id and question. `unchecked` counts the labels that were not
    checked: the time was up, or nothing can be isolated on this host.
    """

    def __init__(
        self,
        runner: asyncio.Runner,
        checker: AnswerChecker,
        on_checked: OnChecked | None = None,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._runner = runner
        self._checker = checker
        self._on_checked = on_checked
        self._left_s = limit_s
        self._readable: dict[str, bool] = {}
        self._checked = 0
        self.unreadable: list[str] = []
        self.unchecked = 0

    def filter(self, source: ProblemSourceSettings, problems: Iterator[Problem]) -> Iterator[Problem]:
        """Yield the problems of a source, without those with unreadable labels if its settings skip them."""
        for batch in batched(problems, _BATCH):
            unread = self._check({answer for problem in batch for answer in problem.accepted_answers})
            for problem in batch:
                bad = any(answer in unread for answer in problem.accepted_answers)
                if bad:
                    question = " ".join(problem.question.split())[:60]
                    self.unreadable.append(f"{problem.id}: {problem.answer[:60]!r} ({question})")
                if not (bad and source.skip_labels == "unreadable"):
                    yield problem
            self._checked += len(batch)
            if self._on_checked is not None:
                self._on_checked(self._checked, None)

    def _check(self, answers: set[str]) -> set[str]:
        """The answers among these that cannot be read."""
        unknown = sorted(answer for answer in answers if answer not in self._readable and not _is_plain(answer))
        if unknown and self._left_s > 0:
            started = time.monotonic()
            checked = self._runner.run(self._probe(unknown, self._left_s))
            self._left_s -= time.monotonic() - started
            if len(self._readable) > _REMEMBERED:
                self._readable.clear()
            self._readable |= checked
        self.unchecked += sum(answer not in self._readable for answer in unknown)
        return {answer for answer in answers if self._readable.get(answer) is False}

    def note(self) -> str | None:
        """What the checks found, in a sentence; None if all labels can be read."""
        unchecked = f"{self.unchecked} labels were not checked" if self.unchecked else None
        if not self.unreadable:
            return unchecked
        found = (
            f"the answer checker cannot read {len(self.unreadable)} labels: only an answer of the same words equals "
            f'one, other attempts are unverifiable (skip_labels = "unreadable" leaves them out). The first: '
            f"{self.unreadable[0]}"
        )
        return f"{found}; {unchecked}" if unchecked else found

    async def _probe(self, answers: Sequence[str], limit_s: float) -> dict[str, bool]:
        """Whether each answer can be read, for those that were checked in time."""
        tasks = {answer: asyncio.ensure_future(self._checker.can_read(answer)) for answer in answers}
        await asyncio.wait(tasks.values(), timeout=limit_s)
        for task in tasks.values():
            task.cancel()
        results = await asyncio.gather(*tasks.values(), return_exceptions=True)
        for result in results:
            if isinstance(result, SandboxUnavailable):
                log.warning("labels are not checked: %s", result)
                self._left_s = 0.0
                break
            if isinstance(result, Exception) and not isinstance(result, AnswerCheckFailed):
                raise result
        pairs = zip(answers, results, strict=True)
        return {answer: result for answer, result in pairs if isinstance(result, bool)}


@contextmanager
def open_label_checks(settings: AnswerCheckerSettings, on_checked: OnChecked | None = None) -> Iterator[LabelChecks]:
    """Label checks for the time of the context; its end stops the worker processes."""
    with asyncio.Runner() as runner:
        checker = AnswerChecker(settings)
        try:
            yield LabelChecks(runner, checker, on_checked)
        finally:
            runner.run(checker.close())


def _is_plain(answer: str) -> bool:
    return any(compare_plain(answer, probe) is not None for probe in _PROBES)
