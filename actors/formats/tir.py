r"""Tool-integrated reasoning: text, ```python, ```output and `\boxed{}`, as ToRA and Qwen-Math write it."""

import re

from actors.formats.format import SolutionFormat, last_boxed

TIR = SolutionFormat(
    name="tir",
    system=(
        "Solve the problem step by step. Write Python code in ```python blocks; its output follows each block. "
        "Put the final answer within \\boxed{}."
    ),
    prompt_template="Question: {question}\nSolution:\n",
    stop="\n```\n",
    code_open="```python\n",
    code_close="\n```",
    code_prefix="",
    output_template="```output\n{output}\n```\n",
    output_pattern=re.compile(r"^```output\n(.*?)\n?^```[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE),
    find_answer=last_boxed,
    write_answer=lambda answer: f"\\boxed{{{answer}}}",
)
