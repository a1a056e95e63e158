"""MARIO's format for training: `<p>` and `<code>` elements, and `Output:` (arXiv 2401.08190, section 3).

The teacher writes Thought, Action and Observation (`mario`); the authors' models are trained on this form of it.
"""

import re

from actors.formats.format import SolutionFormat, final_answer


def _find_answer(text: str) -> str | None:
    return final_answer(text.replace("</p>", "\n"))


MARIO_HTML = SolutionFormat(
    name="mario_html",
    system=(
        "Solve the problem step by step. Write each step's text in a <p> element and Python code in a <code> element; "
        "its output follows each <code> element. End with 'Final Answer:' and the answer in the last <p> element."
    ),
    prompt_template="Question: {question}\n\nSolution:\n\n",
    stop="\n</code>\n",
    code_open="<code>\n",
    code_close="\n</code>",
    code_prefix="",
    output_template="Output: {output}\n\n",
    output_pattern=re.compile(r"(?<=</code>\n)Output: ?(.*?)(?:\n\n(?=<p>|<code>|Final Answer:)|\s*\Z)", re.DOTALL),
    find_answer=_find_answer,
    write_answer=lambda answer: f"<p>\nFinal Answer: ${answer}$\n</p>",
    prose_marks=re.compile(r"</?p>\n?"),
    prose_template="<p>\n{prose}\n</p>\n",
    prose_beginnings=("<p>",),
)
