"""A teacher whose solutions are in the store already: `automathes annotate` had them written and verified."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import batched, islice

from actors.formats import get_format
from actors.rollouts.codec import Codec
from actors.settings import AnnotationsTeacherSettings
from actors.teachers.teacher import demonstration
from sandbox.equivalence import AnswerChecker, Verdict
from sandbox.interpreter import Sandbox
from store.annotation.annotations import Annotations
from store.records import KeptSolution, Problem, Rollout

_CHECK_BATCH = 64


class AnnotationsTeacher:
    """Takes the solutions that were kept, with the outputs of their code. Labels may have changed: they are checked."""

    def __init__(self, settings: AnnotationsTeacherSettings, annotations: Annotations) -> None:
        self._settings = settings
        self._annotations = annotations
        self.skipped: Counter[str] = Counter()

    def texts(self, problems: Sequence[Problem]) -> list[str]:
        """Questions and solutions, for a tokenizer."""
        return [f"{kept.problem.question}\n{_text(kept)}" for kept in self._kept()]

    async def demonstrations(
        self, codec: Codec, sandbox: Sandbox, checker: AnswerChecker, problems: Sequence[Problem]
    ) -> AsyncIterator[tuple[Problem, Rollout]]:
        """Yield the solutions in the codec's format whose answer still equals the label, each with its problem."""
        for batch in batched(self._in_format(codec.format.name), _CHECK_BATCH):
            pairs = [(kept.problem.accepted_answers, kept.answer) for kept in batch]
            for kept, verdict in zip(batch, await checker.check_many(pairs), strict=True):
                if verdict is Verdict.EQUAL:
                    yield kept.problem, demonstration(codec, kept.problem, kept.solution.turns, kept.executions)
                else:
                    self.skipped["answer differs from the problem's label"] += 1

    def _in_format(self, name: str) -> Iterator[KeptSolution]:
        for kept in self._kept():
            if kept.solution_format != name:
                self.skipped[f"is written in the format {kept.solution_format!r}"] += 1
            elif len(_text(kept)) > self._settings.max_chars:
                self.skipped[f"has more than {self._settings.max_chars} characters"] += 1
            else:
                yield kept

    def _kept(self) -> Iterator[KeptSolution]:
        return islice(self._annotations.kept(), self._settings.count)


def _text(kept: KeptSolution) -> str:
    fmt = get_format(kept.solution_format)
    return "".join(text if shown is None else text + fmt.output(shown) for text, shown in kept.solution.turns)
