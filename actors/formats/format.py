"""The definition of a solution format: prompts, code blocks, interpreter output and answers."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.guest.answers.boxes import find_boxes
from store.records import Segment, SegmentKind


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
        code_open: The text that opens a code block.
        code_close: The text that closes it, with its line break; `stop` begins with it.
        code_prefix: The text before a code block in demonstrations.
        output_template: The text that follows a code block; has an `{output}`.
        output_pattern: Matches that text in a written solution; its first group is the output.
        find_answer: Returns the answer in the text of the last turn, or None.
        write_answer: Returns the text that ends a solution with an answer.
        prose_marks: Matches the marks around prose that are no part of it, None if there are none.
        prose_template: Puts marks around prose in place of `{prose}`.
        prose_beginnings: What prose begins with if it has them.
    """

    name: str
    system: str
    prompt_template: str
    stop: str
    code_open: str
    code_close: str
    code_prefix: str
    output_template: str
    output_pattern: re.Pattern[str]
    find_answer: Callable[[str], str | None]
    write_answer: Callable[[str], str]
    prose_marks: re.Pattern[str] | None = None
    prose_template: str = "{prose}"
    prose_beginnings: tuple[str, ...] = ("",)

    def prompt(self, question: str) -> str:
        """The prompt for a policy without a chat template."""
        return self.prompt_template.format(question=question.strip())

    def code_to_run(self, turn: str) -> str | None:
        """The code of the block that ends a turn, None if the turn does not end with one."""
        start = turn.rfind(self.code_open)
        if start < 0:
            return None
        # The token that completes the stop text may contain more white space.
        body = turn[start + len(self.code_open) :].rstrip()
        code = body.removesuffix(self.code_close)
        closed_before = self.code_close in f"\n{code}"  # then the turn ends with another block's end
        return None if code == body or closed_before else code

    def output(self, shown: str) -> str:
        """The text that shows a code block's output to the policy."""
        return self.output_template.format(output=shown)

    def code_block(self, code: str) -> str:
        """A code block as a policy writes it, including the stop text."""
        return f"{self.code_prefix}{self.fenced(code)}"

    def fenced(self, code: str) -> str:
        """Code between its marks, including the stop text."""
        return f"{self.code_open}{code}{self.stop}"

    def marked(self, prose: str) -> str:
        """Prose with the format's marks, unless it has them or is empty: without them, an output has no end."""
        if not prose or prose.startswith(self.prose_beginnings):
            return prose
        return self.prose_template.replace("{prose}", prose.strip())

    def plain(self, prose: str) -> str:
        """Prose without the format's marks around it and without what introduces a code block."""
        prose = prose.removesuffix(self.code_prefix)
        return (self.prose_marks.sub("", prose) if self.prose_marks is not None else prose).strip()

    def split_turn(self, turn: str) -> list[Segment]:
        """The segments of one turn of the policy: prose, and the code block or the answer at its end."""
        code = self.code_to_run(turn)
        if code is not None:
            prose = turn[: turn.rfind(self.code_open)]
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


def final_answer(text: str) -> str | None:
    """The answer after the last "Final Answer:", without its wrapping, None if there is none.

    >>> final_answer("Final Answer: $9$.")
    '9'
    """
    _, marker, rest = text.rpartition("Final Answer:")
    if not marker:
        return None
    line = rest.strip().partition("\n")[0]
    return last_boxed(rest) or line.strip().rstrip(".").strip().strip("$").strip() or None


def last_boxed(text: str) -> str | None:
    r"""The content of the last `\boxed{}`, `\fbox{}` or `\boxed 5`, None if there is none or if it is cut off.

    >>> print(last_boxed(r"so \boxed{\frac{1}{2}}."))
    \frac{1}{2}
    """
    boxes = find_boxes(text)
    return (boxes[-1].content or None) if boxes else None
