"""MARIO's format: Thought, Action, Action Input, Observation and Final Answer (arXiv 2401.08190, appendix)."""

import re

from actors.formats.format import SolutionFormat, final_answer

MARIO = SolutionFormat(
    name="mario",
    system=(
        "Solve the problem in steps of Thought, Action and Action Input. The only action is python_interpreter; its "
        "input is a ```python block and its Observation follows. End with 'Final Answer:' and the answer."
    ),
    prompt_template="Question: {question}\n\n",
    stop="\n```\n",
    code_open="```python\n",
    code_close="\n```",
    code_prefix="Action: python_interpreter\n\nAction Input: ",
    output_template="\nObservation: {output}\n\n",
    output_pattern=re.compile(
        r"(?<=```\n)\n?Observation: ?(.*?)(?:\n\n(?=Thought:|Final Answer:|Action:)|(?=\nThought:)|\s*\Z)", re.DOTALL
    ),
    find_answer=final_answer,
    write_answer=lambda answer: f"Final Answer: ${answer}$",
    prose_template="Thought: {prose}",
    prose_beginnings=("Thought:", "Action:", "Final Answer:"),
)
