"""Bad sources: `automathes problems import` says what is wrong, where, and what would be right, without a traceback."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from cluster.cli import main
from store.problems.sources.formats import csv_table, json_lines, json_list
from store.store import Store

GOOD = {"question": "What is 1 + 1?", "answer": "2"}


@pytest.fixture
def refused(tmp_path: Path, store_url: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The message with which a source is refused; nothing is stored."""

    def run(name: str, content: bytes | str, *options: str) -> str:
        source = tmp_path / name
        source.write_bytes(content.encode() if isinstance(content, str) else content)
        assert main(["problems", "import", str(source), "--store", store_url, *options]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"automathes: {source}: ")
        assert error.count("\n") == 1
        with Store.open(store_url, create=False) as store:
            assert sum(store.problems.counts().values()) == 0
        return error.removeprefix(f"automathes: {source}: ").strip()

    return run


def lines(*rows: object) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lines(GOOD) + '{"question": "cut', "line 2: not JSON: Unterminated string starting at at column 14"),
        (lines(GOOD, "[1]"), "line 2: not a JSON object"),
        (lines(GOOD, '{"question": "1?", "answer": ' + "1" * 5000 + "}"), "line 2: not readable as JSON: a number"),
        (lines(GOOD, '{"question": ' + "[" * 100_000), "line 2: not readable as JSON: nested too deeply"),
        (lines(GOOD).encode() + b'{"question": "\xe9", "answer": 1}\n', "line 2: byte 15 is not UTF-8"),
        (lines(GOOD).encode("utf-16"), "it is UTF-16 text: save it as UTF-8"),
        (b"\x1f\x8b\x08\x00", "compressed with gzip: decompress it first"),
        (b"PAR1\x00\x00PAR1", "it is a Parquet file: name it .parquet"),
        ("", "it contains no problems"),
        ("\n \n", "it contains no problems"),
        (lines(GOOD, {"question": {"text": "1?"}, "answer": 1}), "line 2: 'question' is an object, not a string"),
        (lines(GOOD, {"question": "1?", "answer": True}), "line 2: 'answer' is true, not a string or a number"),
        (lines(GOOD, {"question": "1?", "answer": [["2"]]}), "line 2: 'answer' is a list, not a string or a number"),
        (lines(GOOD, {"question": "x" * 1_000_001, "answer": 1}), "'question' has 1,000,001 characters, at most"),
        (lines(GOOD, {"question": [{"role": "system", "content": "1?"}], "answer": 1}), "no message of the user"),
        (
            lines(GOOD, {"question": [{"role": "user", "content": [{"type": "image"}]}], "answer": 1}),
            "more than text, such as an image",
        ),
        (lines({"question": "Prove it.", "answer": "proof"}), "it contains no problems; left out: line 1: 'proof' in"),
    ],
)
def test_bad_lines_are_named_with_the_reason(refused: Callable[..., str], content: str | bytes, message: str) -> None:
    assert message in refused("a.jsonl", content)


@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        ({"Question": "1?", "Answer": 1}, (), "there is no field 'question' (it has Answer, Question); did you mean"),
        ({"problem": "1?", "answer": 1}, (), "no field 'question' (it has answer, problem); did you mean 'problem'?"),
        ({"question": "1?", "anwser": 1}, (), "no field 'answer' (it has anwser, question); did you mean 'anwser'?"),
        (
            {"question": "1?", "reward_model": {"ground_truht": 1}},
            ("--map", "answer=reward_model.ground_truth"),
            "no field 'reward_model.ground_truth' ('reward_model' has ground_truht); did you mean "
            "'reward_model.ground_truht'?",
        ),
        ({"question": "1?", "answer": 1}, ("--map", "id=uuid"), "there is no field 'uuid' (it has answer, question)"),
        ({"question": "1?", "answer": 1}, ("--layout", "verl"), "there is no field 'prompt' (it has answer, question)"),
    ],
)
def test_a_missing_field_is_named_with_those_there_are(
    refused: Callable[..., str], row: object, options: tuple[str, ...], message: str
) -> None:
    assert message in refused("a.jsonl", lines(row, row, row, row, row), *options)


def test_rows_that_are_bad_alike_are_one_reason(refused: Callable[..., str]) -> None:
    message = refused("a.jsonl", lines(*[{"question": "1?"}] * 2000))

    assert message.count("there is no field") == 1
    assert "(also line 2, line 3, 997 more)" in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"question": "1?" "answer": 1}]', "row 1 (line 1): not JSON: Expecting ',' delimiter"),
        ('[\n{"question": "1?", "answer": 1},\n{"question": ', "row 2 (line 3): not JSON: Expecting value"),
        ('[{"question": "1?", "answer": 1} {}]', "row 1 (line 1): not JSON: after row 1: '{' instead of ','"),
        ('[{"question": "1?", "answer": 1}', "not JSON: after row 1: 'the end of the file' instead of ','"),
        ('[{"question": "1?", "answer": 1},]', "there is a comma before the end of the list"),
        ('[{"question": "1?", "answer": 1}] []', "there is more after the end of the list"),
        ('[{"question": "1?", "answer": 1}, 7]', "row 2: not a JSON object"),
        ('[{"question": "1?", "answer": 1' + "0" * 5000 + "}]", "a number is too long"),
        (b'[{"question": "\xe9"}]', "it is not UTF-8: save it as UTF-8"),
        ('{\n  "data": [{"question": "1?"}]\n}', "one JSON object over several lines: write a list"),
        ("[]", "it contains no problems"),
        ("", "it contains no problems"),
        ("hello", "line 1: not JSON"),
    ],
)
def test_a_broken_json_file_is_refused_with_its_row_and_line(
    refused: Callable[..., str], content: str | bytes, message: str
) -> None:
    assert message in refused("a.json", content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("question,answer\n1?,2,3\n", "line 2: it has 3 fields, and the header has 2"),
        ('question,answer\n"one\ntwo",1\n"cut,1\n', "line 4: not CSV: unexpected end of data"),
        ('question,answer\n"a"b,1\nc,2\n', "line 2: not CSV: "),
        (b"question,answer\n\xe9?,1\n", "line 2: 'question' is not UTF-8: save the file as UTF-8"),
        ("question,question\n1,2\n", "the header names 'question' twice"),
        ("question;answer\n1?;\n", "it contains no problems; left out: line 2: 'answer' is empty"),
        ("question,answer\na\0b,1\n", "line 2: 'question' contains an invalid character"),
        ("", "it contains no problems"),
        ("question,answer\n", "it contains no problems"),
        ("What is 1 + 1?\n2\n", "line 2: there is no field 'question' (it has What is 1 + 1?)"),
    ],
)
def test_a_broken_csv_file_is_refused_with_its_line(
    refused: Callable[..., str], content: str | bytes, message: str
) -> None:
    assert message in refused("a.csv", content)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.feather"])
@pytest.mark.parametrize("content", [b"", b"not a table at all", b"PAR1PAR1", b"ARROW1\0\0"])
def test_a_broken_table_is_refused(refused: Callable[..., str], name: str, content: bytes) -> None:
    assert refused(name, content).startswith("the file cannot be read: ")


def test_a_column_that_is_no_text_is_named_with_its_row(refused: Callable[..., str], tmp_path: Path) -> None:
    table = pyarrow.table({"question": ["1?", "2?"], "answer": [b"1", b"2"]})
    pyarrow.parquet.write_table(table, tmp_path / "b.parquet")

    message = refused("a.parquet", (tmp_path / "b.parquet").read_bytes())

    assert "row 1: 'answer' is of type bytes, not a string or a number (also row 2)" in message


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_a_row_without_end_is_refused_before_it_fills_the_memory(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in (json_lines, json_list, csv_table):
        monkeypatch.setattr(module, "MAX_ROW_BYTES", 2**20)
    text = 'question,answer\n"' if name == "a.csv" else '[{"question": "' if name == "a.json" else '{"question": "'

    message = refused(name, text + "x" * 2**21 + ("" if name == "a.csv" else '"}\n'))

    assert "longer than 1 MiB" in message


def test_a_folder_without_a_data_set_is_refused(
    tmp_path: Path, store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()

    assert main(["problems", "import", str(tmp_path / "data"), "--store", store_url]) == 2

    assert "it cannot be loaded: " in capsys.readouterr().err


def test_bad_rows_of_csv_can_be_skipped(tmp_path: Path, store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_bytes(b'question,answer\n1?,2\n"a"b,1\n\xe9,1\n3?,4,5\n\n5?,6\n')

    options = "--store", store_url, "--bad-rows", "skip", "--json"
    assert main(["problems", "import", str(tmp_path / "a.csv"), *options]) == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["read"], [reason["examples"] for reason in report["reasons"]]) == (
        2,
        [["line 3"], ["line 4"], ["line 5"]],
    )
