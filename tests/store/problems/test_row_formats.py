"""Properties of the readers of rows: what was written is read, and whatever bytes are there, no reader fails oddly."""

import csv
import io
import json
import string
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.errors import ProblemSourceError
from store.problems.sources.formats import json_list
from store.problems.sources.formats.csv_table import read_csv
from store.problems.sources.formats.json_lines import read_json_lines
from store.problems.sources.formats.json_list import read_json
from store.problems.sources.rows.answers import extract_any, is_choice
from store.problems.sources.rows.fields import BadRowError, value_of
from store.problems.sources.rows.questions import CLOSINGS, OPENINGS, without_instruction

FAST = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(TEXTS, VALUES, max_size=4), max_size=5)


@FAST
@given(rows=OBJECTS, chunk=st.integers(1, 9), indent=st.sampled_from([None, 0, 2]), ascii_only=st.booleans())
def test_a_list_is_read_as_it_was_written_however_it_comes_in_pieces(
    tmp_path: Path, rows: list[dict[str, object]], chunk: int, indent: int | None, ascii_only: bool
) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(rows, indent=indent, ensure_ascii=ascii_only), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_list, "_CHUNK_BYTES", chunk)
        assert list(read_json(file)) == [(f"row {number}", row) for number, row in enumerate(rows, 1)]


@FAST
@given(rows=OBJECTS)
def test_lines_are_read_as_they_were_written(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    expected = [(f"line {number}", row) for number, row in enumerate(rows, 1)]
    assert list(read_json_lines(file)) == list(read_json(file)) == expected


@FAST
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), max_size=6), delimiter=st.sampled_from(",;\t"))
def test_csv_is_read_as_it_was_written(tmp_path: Path, rows: list[tuple[str, str]], delimiter: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("question", "answer"), *rows])
    (tmp_path / "a.csv").write_bytes(text.getvalue().encode())
    assert [row for _, row in read_csv(tmp_path / "a.csv")] == [{"question": q, "answer": a} for q, a in rows]


@FAST
@given(content=st.binary(max_size=60) | st.text(alphabet='[]{}",:\\ \n1aé', max_size=60).map(str.encode))
@pytest.mark.parametrize("read", [read_json_lines, read_json, read_csv])
def test_any_bytes_are_rows_or_reasons_or_refused(tmp_path: Path, read, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with suppress(ProblemSourceError):
        assert all(isinstance(row, dict | BadRowError) for _, row in read(tmp_path / "a"))


@FAST
@given(value=VALUES, names=st.lists(TEXTS.filter(lambda name: "." not in name), min_size=1, max_size=4))
def test_a_path_leads_to_what_lies_there(value: object, names: list[str]) -> None:
    row: object = value
    for name in reversed(names):
        row = {name: row}
    assert value_of(row, ".".join(names)) == value
    assert value_of({names[0]: {}} | {".".join(names): value}, ".".join(names)) == value


WORDS = st.text(string.ascii_letters + "?", min_size=1, max_size=20)


@FAST
@given(question=WORDS, opening=st.sampled_from(["", *OPENINGS]), closing=st.sampled_from(["", *CLOSINGS]))
def test_known_instructions_come_off_and_nothing_else(question: str, opening: str, closing: str) -> None:
    assert without_instruction(f"{opening}\n\n{question}\n\n{closing}".strip()) == question


@pytest.mark.parametrize("text", [OPENINGS[0], CLOSINGS[0], f"{OPENINGS[0]} {CLOSINGS[0]}"])
def test_an_instruction_without_a_question_stays(text: str) -> None:
    assert without_instruction(text) == text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{\frac{1}{2}}. #### 3", r"\frac{1}{2}"),
        ("3 + 4 = 7\n#### 7", "7"),
        (" 42 ", "42"),
        (r"never closed \boxed{1", r"never closed \boxed{1"),
    ],
)
def test_an_answer_of_any_form_is_the_box_or_what_follows_the_hashes_or_the_text(text: str, answer: str) -> None:
    assert extract_any(text) == answer


@pytest.mark.parametrize(
    ("question", "label", "expected"),
    [
        ("Which? (A) 1 (B) 2 (C) 3", "C", True),
        ("Which?\nA. 1\nB. 2", "(B)", True),
        (r"Which? $\textbf{(A)}\ 1 \textbf{(B)}\ 2$", r"\text{B}", True),
        ("Which? (A) 1 (B) 2", "D", False),
        ("Which? (A) 1 (B) 2", "2", False),
        ("Let A be a set and B another. Which letter?", "A", False),
    ],
)
def test_a_choice_is_a_letter_among_those_that_the_question_lists(question: str, label: str, expected: bool) -> None:
    assert is_choice(question, label) is expected
