"""Kept solutions as a file of demonstrations, in the form that `teacher.path` reads."""

import json
import os
from pathlib import Path

from actors.formats import get_format
from store.annotation.annotations import Annotations
from store.records import KeptSolution


def write_demonstrations(annotations: Annotations, path: Path, solution_format: str) -> tuple[int, int]:
    """Write the kept solutions in a format to a file, which appears once it is complete.

    Returns (how many were written, how many were not, because they would be read as other turns than they have: they
    contain what the format puts around an output).
    """
    written = left_out = 0
    aside = path.with_name(f"{path.name}.part")
    with aside.open("w", encoding="utf-8") as file:
        for kept in annotations.kept(solution_format):
            line = _line(kept)
            if line is None:
                left_out += 1
            else:
                written += 1
                file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    return written, left_out


def _line(kept: KeptSolution) -> str | None:
    """The solution as a line, None if it would not be read back as it is."""
    fmt, turns = get_format(kept.solution_format), list(kept.solution.turns)
    text = "".join(turn if shown is None else turn + fmt.output(shown) for turn, shown in turns)
    if fmt.split_solution(text) != turns:
        return None
    answers = kept.problem.accepted_answers
    row = {
        "question": kept.problem.question,
        "answer": answers[0] if len(answers) == 1 else list(answers),
        "solution": text,
        "problem": kept.problem.id,
        "teacher": kept.model,
    }
    return json.dumps(row, ensure_ascii=False)
