import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from actors.formats import FORMATS
from actors.rollouts.codec import Codec
from actors.settings import JsonlTeacherSettings, ScriptedTeacherSettings
from actors.teachers import make_teacher
from actors.teachers.jsonl import DemonstrationFileError
from actors.teachers.scripted import program
from sandbox.equivalence import AnswerChecker
from sandbox.interpreter import Sandbox
from store.records import Outcome, Problem, Purpose, Rollout, SegmentKind, Split, Support

TASKS = {
    "products": ("Solve the following multiplication: 12 * 34. Give only the result as your final answer.", "408"),
    "chain_sum": ("State the final answer to the following arithmetic problem: 6 - 12 + 5 =", "-1"),
    "gcd": ("Find the Greatest Common Divisor (GCD) of these numbers: 26, 65. Give only the GCD.", "13"),
    "lcm": ("Find the Least Common Multiple (LCM) of these numbers: 4, 6", "12"),
    "count_bits": ("How many 1 bits are there in the binary representation of the number 255?", "8"),
}


def problem(subject: str, question: str, answer: str) -> Problem:
    return Problem(f"{subject}-{question}", question, answer, "reasoning-gym", Split.TRAIN, question, subject=subject)


PROBLEMS = [problem(subject, *task) for subject, task in TASKS.items()]


async def demonstrations(
    settings: ScriptedTeacherSettings | JsonlTeacherSettings,
    codec: Codec,
    sandbox: Sandbox | None,
    problems: Sequence[Problem] = (),
) -> list[tuple[Problem, Rollout]]:
    async with AnswerChecker() as checker:
        written = make_teacher(settings).demonstrations(codec, sandbox or Sandbox(), checker, problems)
        return [pair async for pair in written]


# The scripted teacher

SCRIPTED = ScriptedTeacherSettings(kind="scripted")


@pytest.mark.parametrize("name", FORMATS)
async def test_its_programs_solve_every_supported_task(tokenizer: Any, sandbox: Sandbox, name: str) -> None:
    codec = Codec(tokenizer, FORMATS[name])
    written = await demonstrations(SCRIPTED, codec, sandbox, PROBLEMS)
    assert {p.subject: rollout.answer for p, rollout in written} == {p.subject: p.answer for p in PROBLEMS}
    for p, rollout in written:
        assert (rollout.purpose, rollout.outcome) == (Purpose.DEMONSTRATION, Outcome.ACCEPTED)
        assert rollout.problem_id == p.id
        assert [segment.kind for segment in rollout.segments if segment.kind is not SegmentKind.TEXT] == [
            SegmentKind.CODE,
            SegmentKind.OUTPUT,
            SegmentKind.ANSWER,
        ]
        assert [(record.status, record.stdout.strip()) for record in rollout.executions] == [("ok", p.answer)]


def reasoning_gym(subject: str, size: int, **options: Any) -> list[Problem]:
    import reasoning_gym as gym

    data = gym.create_dataset(subject, size=size, seed=3, **options)
    return [problem(subject, entry["question"], entry["answer"]) for entry in data]


@pytest.mark.parametrize("subject", list(TASKS))
async def test_its_programs_solve_generated_problems(codec: Codec, sandbox: Sandbox, subject: str) -> None:
    problems = reasoning_gym(subject, 10)
    written = await demonstrations(SCRIPTED, codec, sandbox, problems)
    assert {p.id for p, _ in written} == {p.id for p in problems}


async def test_a_demonstration_whose_program_prints_another_answer_is_skipped(codec: Codec, sandbox: Sandbox) -> None:
    mislabelled = problem("gcd", TASKS["gcd"][0], "26")
    assert await demonstrations(SCRIPTED, codec, sandbox, [mislabelled]) == []


async def test_a_program_that_fails_is_skipped(codec: Codec, sandbox: Sandbox) -> None:
    leading_zero = problem("products", "Solve 012 * 3", "36")
    assert await demonstrations(SCRIPTED, codec, sandbox, [leading_zero]) == []


def test_a_problem_of_no_supported_task_has_no_program() -> None:
    assert program(problem("geometry", "What is 2 * 3?", "6")) is None
    assert program(problem("gcd", "Of one number: 3?", "3")) is None
    assert program(problem("chain_sum", "nothing to add", "0")) is None
    no_subject = Problem("p", "What is 2 * 3?", "6", "test", Split.TRAIN, "p")
    assert program(no_subject) is None


async def test_problems_are_taken_round_robin_from_the_tasks_up_to_the_count(codec: Codec, sandbox: Sandbox) -> None:
    many = [problem("products", f"Solve {a} * 2", str(2 * a)) for a in range(1, 6)]
    settings = ScriptedTeacherSettings(kind="scripted", count=4)
    written = await demonstrations(settings, codec, sandbox, [*many, PROBLEMS[2]])
    assert [p.subject for p, _ in written] == ["products", "gcd", "products", "products"]
    assert len(make_teacher(settings).texts([*many, PROBLEMS[2]])) == 4


# The teacher that reads files


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., JsonlTeacherSettings]:
    """Write lines and return the settings of a teacher that reads them."""

    def write(*lines: Any, **options: Any) -> JsonlTeacherSettings:
        path = tmp_path / "demos.jsonl"
        path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
        return JsonlTeacherSettings(kind="jsonl", path=path, **options)

    return write


def row(answer: Any = "42", **fields: Any) -> dict[str, Any]:
    solution = f"```python\nprint(42)\n```\n```output\n42\n```\nSo \\boxed{{{answer}}}"
    return {"question": "What is 6 * 7?", "answer": answer, "solution": solution, **fields}


async def test_a_written_solution_becomes_a_rollout(codec: Codec, write: Callable[..., JsonlTeacherSettings]) -> None:
    ((solved, rollout),) = await demonstrations(write(row()), codec, None)
    assert (solved.question, solved.answer, solved.split) == ("What is 6 * 7?", "42", Split.TRAIN)
    assert solved.source == "demos.jsonl"
    assert rollout.problem_id == solved.id
    assert rollout.id.startswith("demo-")
    assert rollout.answer == "42"
    assert codec.decode(rollout.token_ids) == row()["solution"]


async def test_the_same_solution_has_the_same_id(codec: Codec, write: Callable[..., JsonlTeacherSettings]) -> None:
    written = await demonstrations(write(row(), row(), row(answer="43")), codec, None)
    first, again, other = (rollout.id for _, rollout in written)
    assert first == again != other


async def test_an_answer_may_be_a_number_including_zero(
    codec: Codec, write: Callable[..., JsonlTeacherSettings]
) -> None:
    written = await demonstrations(write(row(answer=0), row(answer=1.5)), codec, None)
    assert [p.answer for p, _ in written] == ["0", "1.5"]


async def test_line_separators_within_a_string_do_not_end_a_line(
    codec: Codec, write: Callable[..., JsonlTeacherSettings]
) -> None:
    line = json.dumps(row(question="What is\u2028 6 * 7?\x85"), ensure_ascii=False)
    ((solved, _),) = await demonstrations(write(line), codec, None)
    assert solved.question == "What is\u2028 6 * 7?\x85"


async def test_a_byte_order_mark_windows_line_ends_and_blank_lines_are_ignored(codec: Codec, tmp_path: Path) -> None:
    path = tmp_path / "windows.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + f"{json.dumps(row())}\r\n\r\n{json.dumps(row())}\r\n".encode())
    assert len(await demonstrations(JsonlTeacherSettings(kind="jsonl", path=path), codec, None)) == 2


async def test_solutions_too_long_or_without_an_answer_are_skipped(
    codec: Codec, write: Callable[..., JsonlTeacherSettings]
) -> None:
    settings = write(row(), row(solution="I do not know."), row(solution="so " * 200 + "\\boxed{42}"), max_chars=300)
    assert len(await demonstrations(settings, codec, None)) == 1


async def test_a_solution_that_contradicts_its_row_is_skipped_and_counted(
    codec: Codec, write: Callable[..., JsonlTeacherSettings]
) -> None:
    teacher = make_teacher(
        write(row(), {**row(), "answer": "41"}, row(answer=r"\frac{1}{2}"), row(solution="No idea."))
    )
    async with AnswerChecker() as checker:
        written = [rollout.answer async for _, rollout in teacher.demonstrations(codec, Sandbox(), checker, [])]
    assert written == ["42", r"\frac{1}{2}"]
    assert teacher.skipped == {"answer differs from the row's answer": 1, "has no answer in the format 'tir'": 1}


async def test_field_names_and_the_count_are_configurable(
    codec: Codec, write: Callable[..., JsonlTeacherSettings]
) -> None:
    rows = [{"problem": f"What is {i}?", "expected": i, "text": f"\\boxed{{{i}}}"} for i in range(5)]
    settings = write(*rows, question_field="problem", answer_field="expected", solution_field="text", count=3)
    assert [p.answer for p, _ in await demonstrations(settings, codec, None)] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{not json", r"line 2: not JSON"),
        ('["a", "list"]', r"line 2: not a JSON object with the fields 'question', 'answer', 'solution'"),
        ({"question": "?", "answer": "1"}, r"line 2: field 'solution' is missing or empty"),
        (row(answer=None), r"line 2: field 'answer' is missing or empty"),
        (row(question="  "), r"line 2: field 'question' is missing or empty"),
        (row(question="\ud800"), r"line 2: field 'question' contains NUL or half a surrogate pair"),
    ],
)
async def test_an_invalid_line_is_named_with_its_file_and_field(
    codec: Codec, write: Callable[..., JsonlTeacherSettings], bad: Any, message: str
) -> None:
    settings = write(row(), bad, row())
    with pytest.raises(DemonstrationFileError, match=message) as caught:
        await demonstrations(settings, codec, None)
    assert str(settings.path) in str(caught.value)


async def test_nothing_is_yielded_from_a_file_with_a_bad_line(
    codec: Codec, write: Callable[..., JsonlTeacherSettings]
) -> None:
    stream = make_teacher(write(row(), "{")).demonstrations(codec, Sandbox(), AnswerChecker(), [])
    with pytest.raises(DemonstrationFileError):
        await anext(aiter(stream))


@pytest.mark.parametrize("content", [None, b"", b"\n \n", b"\xff\xfe\x00"])
async def test_an_unreadable_or_empty_file_is_named(codec: Codec, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "some.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DemonstrationFileError, match=str(path)):
        await demonstrations(JsonlTeacherSettings(kind="jsonl", path=path), codec, None)


async def test_demonstrations_have_a_verdict_on_their_support(codec: Codec, tmp_path: Path) -> None:
    solution = "```python\nprint({code})\n```\n```output\n42\n```\nIt is \\boxed{{42}}."
    rows = [{"question": f"q{code}?", "answer": "42", "solution": solution.format(code=code)} for code in ("6*7", "42")]
    path = tmp_path / "demonstrations.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    written = await demonstrations(JsonlTeacherSettings(kind="jsonl", path=path), codec, None)
    assert [rollout.support for _, rollout in written] == [Support.SUPPORTED, Support.UNSUPPORTED]
