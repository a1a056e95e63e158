"""The definition of a solution format: prompts, code blocks, interpreter output and answers."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.guest.answers.boxes import find_boxes
from store.records import Segment, SegmentKind

CODE_OPEN = "```python\n"
_CODE_CLOSE = "\n```"


@dataclass(frozen=True, slots=True)
class SolutionFormat:
    """A way to write code-interleaved solutions.

    A turn of the policy ends with `stop`, right after a closed code block. The interpreter's output is appended in the
    form of `output_template`, and the policy's next turn follows. The last turn has the answer.

    Attributes:
        name: The name in the configuration.
        system: The instruction for policies with a chat template.
        prompt_template: The whole prompt for policies without one; has a `{question}`.
        stop: The text after which sampling pauses to run a code block.
        code_prefix: The text before a code block's fence in demonstrations.
        output_template: The text that follows a code block; has an `{output}`.
        output_pattern: Matches that text in a written solution; its first group is the output.
        find_answer: Returns the answer in the text of the last turn, or None.
        write_answer: Returns the text that ends a solution with an answer.
    """

    name: str
    system: str
    prompt_template: str
    stop: str
    code_prefix: str
    output_template: str
    output_pattern: re.Pattern[str]
    find_answer: Callable[[str], str | None]
    write_answer: Callable[[str], str]

    def prompt(self, question: str) -> str:
        """The prompt for a policy without a chat template."""
        return self.prompt_template.format(question=question.strip())

    def code_to_run(self, turn: str) -> str | None:
        """The code of the block that ends a turn, None if the turn does not end with one."""
        start = turn.rfind(CODE_OPEN)
        if start < 0:
            return None
        # The token that completes the stop text may contain more white space.
        body = turn[start + len(CODE_OPEN) :].rstrip()
        code = body.removesuffix(_CODE_CLOSE)
        closed_before = _CODE_CLOSE in f"\n{code}"  # then the turn ends with another fence
        return None if code == body or closed_before else code

    def output(self, shown: str) -> str:
        """The text that shows a code block's output to the policy."""
        return self.output_template.format(output=shown)

    def code_block(self, code: str) -> str:
        """A code block as a policy writes it, including the stop text."""
        return f"{self.code_prefix}{self.fenced(code)}"

    def fenced(self, code: str) -> str:
        """Code between its fences, including the stop text."""
        return f"{CODE_OPEN}{code}{_CODE_CLOSE}\n"

    def split_turn(self, turn: str) -> list[Segment]:
        """The segments of one turn of the policy: prose, and the code block or the answer at its end."""
        code = self.code_to_run(turn)
        if code is not None:
            prose = turn[: turn.rfind(CODE_OPEN)]
            return [*_text(prose), Segment(SegmentKind.CODE, code)]
        answer = self.find_answer(turn)
        return [*_text(turn), *([Segment(SegmentKind.ANSWER, answer)] if answer is not None else [])]

    def split_solution(self, solution: str) -> list[tuple[str, str | None]]:
        """Split a written solution into turns: pairs of the policy's text and the interpreter output after it.

        The output of the last pair is None.
        """
        turns: list[tuple[str, str | None]] = []
        position = 0
        for match in self.output_pattern.finditer(solution):
            turns.append((solution[position : match.start()], match.group(1)))
            position = match.end()
        turns.append((solution[position:], None))
        return turns


def _text(prose: str) -> list[Segment]:
    return [Segment(SegmentKind.TEXT, prose)] if prose.strip() else []


def last_boxed(text: str) -> str | None:
    r"""The content of the last `\boxed{}`, `\fbox{}` or `\boxed 5`, None if there is none or if it is cut off.

    >>> print(last_boxed(r"so \boxed{\frac{1}{2}}."))
    \frac{1}{2}
    """
    boxes = find_boxes(text)
    return (boxes[-1].content or None) if boxes else None
