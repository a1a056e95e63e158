import json
from pathlib import Path

import pytest

from actors.formats import FORMATS, SolutionFormat, UnknownFormatError, get_format
from actors.formats.format import last_boxed
from store.records import Segment, SegmentKind

DEMOS = Path(__file__).parents[3] / "shared" / "data" / "demos"
TIR, MARIO, MARIO_HTML = get_format("tir"), get_format("mario"), get_format("mario_html")
PROSE = {"tir": "{}\n", "mario": "Thought: {}\n", "mario_html": "<p>\n{}\n</p>\n"}

every_format = pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)


def demos(name: str, count: int | None = None) -> list[str]:
    path = DEMOS / name
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    return [json.loads(line)["solution"] for line in path.read_text().split("\n")[:count] if line]


def test_an_unknown_format_is_named_with_the_known_ones() -> None:
    with pytest.raises(
        UnknownFormatError, match=r"'tora' does not exist: choose one of \['mario', 'mario_html', 'tir'\]"
    ):
        get_format("tora")


@every_format
def test_braces_and_percent_signs_of_a_question_are_unchanged_in_the_prompt(fmt: SolutionFormat) -> None:
    assert r"Is {0} \in \{1, 2\} 50% {x}?" in fmt.prompt("\n" + r"Is {0} \in \{1, 2\} 50% {x}?" + "  \n")


# Code blocks


@every_format
def test_a_written_block_ends_a_turn_and_is_the_code_to_run(fmt: SolutionFormat) -> None:
    block = fmt.code_block("x = 1\nprint(x)")
    assert block.endswith(fmt.stop)
    assert fmt.code_to_run(block) == "x = 1\nprint(x)"
    assert fmt.code_to_run("First think.\n" + block) == "x = 1\nprint(x)"


@pytest.mark.parametrize("suffix", ["", "\n", "\n\n", "\n  ", " \n"])
def test_white_space_in_the_same_token_as_the_stop_text_does_not_hide_the_block(suffix: str) -> None:
    assert TIR.code_to_run(f"```python\nprint(1)\n```{suffix}") == "print(1)"


@pytest.mark.parametrize(
    "turn",
    [
        "",
        "no code",
        "```python\nprint(1)",
        "```python\nprint(1)```",
        "print(1)\n```\n",
        "```\nprint(1)\n```\n",
        "```python\nprint(1)\n```\nand then prose",
        "```python\n```\n",
        "```python",
    ],
)
def test_a_turn_without_a_closed_python_block_at_its_end_has_no_code_to_run(turn: str) -> None:
    assert TIR.code_to_run(turn) is None


def test_an_empty_block_is_run() -> None:
    assert TIR.code_to_run("```python\n\n```\n") == ""


def test_the_last_of_several_blocks_is_run() -> None:
    assert TIR.code_to_run("```python\nprint(1)\n```  \n```python\nprint(2)\n```\n") == "print(2)"


@pytest.mark.parametrize(
    "turn",
    [
        "```python\nprint(1)\n``` gives\n```\n5\n```\n",
        "```python\nprint(1)\n```output\n5\n```\n",
    ],
)
def test_another_fence_after_a_closed_block_is_not_run_as_its_code(turn: str) -> None:
    assert TIR.code_to_run(turn) is None


def test_back_quotes_within_a_line_are_part_of_the_code() -> None:
    assert TIR.code_to_run('```python\nprint("```")\n```\n') == 'print("```")'


def test_a_turn_with_code_is_prose_and_code() -> None:
    turn = "Count \\boxed{1} up.\n" + TIR.code_block("print(2)")
    prose = Segment(SegmentKind.TEXT, "Count \\boxed{1} up.\n")
    assert TIR.split_turn(turn) == [prose, Segment(SegmentKind.CODE, "print(2)")]


def test_a_turn_without_code_is_prose_and_answer() -> None:
    turn = "So it is \\boxed{7}."
    assert TIR.split_turn(turn) == [Segment(SegmentKind.TEXT, turn), Segment(SegmentKind.ANSWER, "7")]
    assert TIR.split_turn("I give up.") == [Segment(SegmentKind.TEXT, "I give up.")]
    assert TIR.split_turn(" \n") == []


# Answers


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{7}", "7"),
        (r"\boxed{ 7 }.", "7"),
        (r"\boxed{1} or rather \boxed{2}", "2"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"$\boxed{\sqrt{\frac{a^{2}}{b_{1}}}}$ it is {so}", r"\sqrt{\frac{a^{2}}{b_{1}}}"),
        (r"\boxed{\text{H, E}}", r"\text{H, E}"),
        ("\\boxed{\\begin{pmatrix}\n1\\\\\n2\n\\end{pmatrix}}", "\\begin{pmatrix}\n1\\\\\n2\n\\end{pmatrix}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"so \fbox{42}.", "42"),
        (r"so \boxed 5", "5"),
        (r"so \boxed {7}", "7"),
        (r"so \boxed -3/4.", "-3/4"),
        (r"\boxed{a \} b}", r"a \} b"),
        (r"\boxed{\boxed{5}}", "5"),
        (r"\boxed{1} then \boxed{2", None),
        (r"\boxedx{5}", None),
        ("no box", None),
        ("", None),
        (r"\boxed{}", None),
        (r"\boxed{ }", None),
        (r"\boxed{12", None),
        (r"\boxed{\frac{1}{2}", None),
        (r"\boxed", None),
    ],
)
def test_the_last_box_is_found_with_its_nested_braces(text: str, answer: str | None) -> None:
    assert last_boxed(text) == answer
    assert TIR.find_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Final Answer: $9$", "9"),
        ("Final Answer: 9", "9"),
        ("Final Answer: 9.", "9"),
        ("Final Answer: $9$.", "9"),
        ("Final Answer: $9.5$", "9.5"),
        ("Final Answer: $$x + 1$$", "x + 1"),
        ("Final Answer: $\\frac{1}{4}$\n<Solution complete>", "\\frac{1}{4}"),
        ("Final Answer:\n\n$y = -23$\n", "y = -23"),
        ("Thought: done.\n\nFinal Answer: $\\boxed{\\frac{1}{4}}$.", "\\frac{1}{4}"),
        ("Final Answer: \\boxed{\\begin{pmatrix}\n1\n2\\end{pmatrix}}", "\\begin{pmatrix}\n1\n2\\end{pmatrix}"),
        ("Final Answer: $1$\nno:\nFinal Answer: $2$", "2"),
        ("Final Answer:", None),
        ("Final Answer: $ $", None),
        ("Thought: \\boxed{3}", None),
        ("the final answer is 3", None),
    ],
)
def test_marios_final_answer_is_found_without_its_wrapping(text: str, answer: str | None) -> None:
    assert MARIO.find_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<p>\nFinal Answer: $9$\n</p>", "9"),
        ("<p>\nSo it is 9.\n\nFinal Answer: 9.\n</p>\n", "9"),
        ("<p>Final Answer: $\\frac{1}{4}$</p>", "\\frac{1}{4}"),
        ("<p>\nFinal Answer: $x < 5$\n</p>", "x < 5"),
        ("<p>\nFinal Answer:\n</p>", None),
        ("<p>\nIt is 9.\n</p>", None),
    ],
)
def test_a_final_answer_in_a_paragraph_is_found_without_its_marks(text: str, answer: str | None) -> None:
    assert MARIO_HTML.find_answer(text) == answer


@every_format
@pytest.mark.parametrize("answer", ["7", "-1/2", r"\frac{\sqrt{3}}{2}", "(1, 2]", "x + 1"])
def test_a_written_answer_is_found(fmt: SolutionFormat, answer: str) -> None:
    assert fmt.find_answer(fmt.write_answer(answer)) == answer


@every_format
def test_prose_is_plain_without_the_marks_of_its_format(fmt: SolutionFormat) -> None:
    turn = PROSE[fmt.name].format("Is 1 < 2?") + fmt.code_block("print(1 < 2)")
    prose, _ = fmt.split_turn(turn)
    assert fmt.plain(prose.text).removeprefix("Thought: ") == "Is 1 < 2?"


def test_a_published_html_solution_is_run_as_it_was_written() -> None:
    turn = "<p>\nMultiply the numbers.\n</p>\n<code>\nprint(6 * 7)\n</code>\n"
    assert MARIO_HTML.code_to_run(turn) == "print(6 * 7)"
    assert MARIO_HTML.split_solution(f"{turn}Output: 42\n\n<p>\nFinal Answer: $42$\n</p>") == [
        (turn, "42"),
        ("<p>\nFinal Answer: $42$\n</p>", None),
    ]


@pytest.mark.parametrize("output", ["", "a\n\nb", "<b>bold</b>", "Output: 1"])
def test_any_output_is_shown_and_found_again_in_html(output: str) -> None:
    block = MARIO_HTML.code_block("f()")
    written = block + MARIO_HTML.output(output) + MARIO_HTML.write_answer("1")
    assert MARIO_HTML.split_solution(written)[0] == (block, output)


# Written solutions


@every_format
@pytest.mark.parametrize("shown", ["7", "", "1\n2\n\n3", "[1, 2]", "ValueError: no"])
def test_a_solution_is_split_where_it_was_joined(fmt: SolutionFormat, shown: str) -> None:
    parts = [
        (fmt.code_block("print(7)"), shown),
        (PROSE[fmt.name].format("go on.") + fmt.code_block("7"), "7"),
        (PROSE[fmt.name].format("so."), None),
    ]
    written = "".join(text + (fmt.output(output) if output is not None else "") for text, output in parts)
    assert fmt.split_solution(written) == parts


@every_format
def test_a_solution_without_code_is_one_turn(fmt: SolutionFormat) -> None:
    assert fmt.split_solution("It is plain.") == [("It is plain.", None)]


@every_format
def test_a_solution_that_ends_with_an_output_has_an_empty_last_turn(fmt: SolutionFormat) -> None:
    block = fmt.code_block("print(7)")
    assert fmt.split_solution(block + fmt.output("7")) == [(block, "7"), ("", None)]


def test_the_word_observation_in_prose_or_code_is_not_an_output() -> None:
    code = MARIO.code_block("# Observation: odd numbers\nprint(3)")
    solution = f"Thought: Observation: it is odd.\n\n{code}{MARIO.output('3')}Final Answer: $3$"
    assert MARIO.split_solution(solution) == [
        (f"Thought: Observation: it is odd.\n\n{code}", "3"),
        ("Final Answer: $3$", None),
    ]


def test_back_quotes_in_an_output_line_are_part_of_the_output() -> None:
    block = TIR.code_block("print(s)")
    assert TIR.split_solution(f"{block}{TIR.output('a ``` b')}so") == [(block, "a ``` b"), ("so", None)]


@pytest.mark.parametrize(
    ("fmt", "name", "count"),
    [
        (TIR, "nemo_fewshot.jsonl", None),
        (TIR, "gsm8k_calc2code.jsonl", 200),
        (MARIO, "mario_react_fewshot.jsonl", None),
    ],
)
def test_published_solutions_are_split_into_code_outputs_and_an_answer(
    fmt: SolutionFormat, name: str, count: int | None
) -> None:
    for solution in demos(name, count):
        turns = fmt.split_solution(solution)
        assert "".join(text + (fmt.output(shown) if shown is not None else "") for text, shown in turns) == solution
        assert len(turns) - 1 == solution.count("```python\n")
        assert all(fmt.code_to_run(text) is not None and shown is not None for text, shown in turns[:-1])
        assert turns[-1][1] is None
        assert fmt.find_answer(turns[-1][0]) is not None
