import json
import re

import pytest
from pydantic import TypeAdapter, ValidationError

from store.errors import ProblemSourceError
from store.problems.sources import import_problems, read_problems
from store.problems.sources.rows.answers import AnswerFormError, extract_boxed, extract_gsm8k
from store.problems.sources.rows.splitting import operands_key, question_key, split_of_key
from store.records import Split
from store.settings import Columns, JsonlSettings, ProblemSourceSettings

DEMO_TASKS = {
    "products": {"min_digits": 1, "max_digits": 2},
    "chain_sum": {"min_terms": 2, "max_terms": 3, "min_digits": 1, "max_digits": 2},
    "gcd": {"max_value": 99},
    "lcm": {"max_value": 99},
    "count_bits": {"max_n": 999},
}


def settings(**keys) -> ProblemSourceSettings:
    return TypeAdapter(ProblemSourceSettings).validate_python(keys)


def lines(path, *rows) -> str:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


# Splitting


def test_operands_in_another_order_are_the_same_problem():
    assert operands_key("products", "What is 3 * 7?") == operands_key("products", "Compute 7 * 3 = ")
    assert operands_key("products", "What is 3 * 7?") != operands_key("chain_sum", "What is 3 * 7?")
    assert operands_key("products", "What is 3 * 7?") != operands_key("products", "What is 37 * 1?")


def test_layout_and_case_do_not_change_a_question_but_signs_do():
    assert question_key("What is  x + 1?\n") == question_key("what is x+1?")
    assert question_key("What is x + 1?") != question_key("What is x - 1?")


def test_the_held_out_share_is_about_the_fraction_and_grows_with_it():
    keys = [f"key {i}" for i in range(5000)]
    tenth = {key for key in keys if split_of_key(key, 0.1) is Split.HELDOUT}
    fifth = {key for key in keys if split_of_key(key, 0.2) is Split.HELDOUT}
    assert 400 < len(tenth) < 600
    assert tenth < fifth
    assert split_of_key("any", 0.0) is Split.TRAIN
    assert split_of_key("any", 1.0) is Split.HELDOUT


# reasoning-gym


def test_the_demos_tasks_yield_enough_distinct_problems_in_both_splits():
    problems = []
    for task, config in DEMO_TASKS.items():
        source = settings(kind="reasoning_gym", dataset=task, size=720, seed=1, config=config, heldout_fraction=0.13)
        problems += read_problems(source)
    assert len(problems) == 3600
    assert len({problem.split_key for problem in problems}) == len({problem.id for problem in problems}) == 3600
    assert sum(problem.split is Split.HELDOUT for problem in problems) >= 400
    assert all(re.fullmatch(r"-?\d+", problem.answer) for problem in problems)


def test_no_operands_of_a_held_out_problem_are_trained_on():
    source = settings(
        kind="reasoning_gym", dataset="products", size=700, config=DEMO_TASKS["products"], heldout_fraction=0.3
    )
    operands = {Split.TRAIN: set(), Split.HELDOUT: set()}
    for problem in read_problems(source):
        operands[problem.split].add(tuple(sorted(map(int, re.findall(r"\d+", problem.question)))))
    assert not operands[Split.TRAIN] & operands[Split.HELDOUT]
    assert min(map(len, operands.values())) > 100


def test_a_small_task_yields_what_it_has(caplog):
    source = settings(kind="reasoning_gym", dataset="count_bits", size=50, config={"max_n": 20})
    assert len(list(read_problems(source))) == 20
    assert "20 distinct problems, 50 requested" in caplog.text


def test_the_same_seed_gives_the_same_problems():
    first, again, other = (
        list(read_problems(settings(kind="reasoning_gym", dataset="gcd", size=20, seed=seed))) for seed in (3, 3, 4)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"dataset": "product"}, "'product' does not exist. Similar names: products"),
        ({"dataset": "gcd", "config": {"colour": 1}}, "rejects this config: .*colour"),
        ({"dataset": "gcd", "config": {"min_value": -5}}, "rejects this config: min_value must be positive"),
    ],
)
def test_a_task_or_config_that_does_not_exist_is_named(keys, message):
    with pytest.raises(ProblemSourceError, match=message):
        list(read_problems(settings(kind="reasoning_gym", **keys)))


def test_settings_that_do_not_exist_are_refused():
    with pytest.raises(ValidationError, match="colour"):
        settings(kind="jsonl", path="x", colour=1)
    with pytest.raises(ValidationError, match="size belong beside `config`"):
        settings(kind="reasoning_gym", dataset="gcd", config={"size": 5})


# JSONL


def test_a_jsonl_is_read_by_its_columns(tmp_path):
    path = lines(tmp_path / "a.jsonl", {"q": "1 + 1?", "a": 2, "n": 7, "level": 3}, "", {"q": "é?", "a": " x ", "n": 8})
    source = settings(
        kind="jsonl", path=path, name="mine", columns={"question": "q", "answer": "a", "id": "n"}, heldout_fraction=0
    )
    one, two = read_problems(source)
    assert (one.id, one.question, one.answer, one.source, one.level) == ("7", "1 + 1?", "2", "mine", "3")
    assert (two.id, two.answer, two.level, two.split) == ("8", "x", None, Split.TRAIN)


def test_a_problem_without_an_id_gets_one_from_its_question(tmp_path):
    path = lines(tmp_path / "a.jsonl", {"question": "1 + 1?", "answer": "2"}, {"question": "1 + 2?", "answer": "3"})
    first, again = (list(read_problems(settings(kind="jsonl", path=path))) for _ in range(2))
    assert first == again
    assert len({problem.id for problem in first}) == 2


def test_every_bad_line_is_reported_and_nothing_imported(store, tmp_path):
    path = tmp_path / "bad.jsonl"
    lines(
        path,
        {"question": "good?", "answer": "1"},
        '{"question": "cut off',
        {"question": "no answer?"},
        {"question": "", "answer": "1"},
        {"question": "object?", "answer": {"value": 1}},
        "[1, 2]",
        {"question": "half \ud800?", "answer": "1"},
    )
    with path.open("ab") as file:
        file.write(b'{"question": "\xff"}\n')
    good = lines(tmp_path / "good.jsonl", {"question": "fine?", "answer": "1"})
    with pytest.raises(ProblemSourceError) as raised:
        import_problems(store.problems, [settings(kind="jsonl", path=p) for p in (good, str(path))])
    message = str(raised.value)
    for reason in (
        "line 2: not JSON: ",
        "line 3: there is no field 'answer' (it has question)",
        "line 4: 'question' is empty",
        "line 5: 'answer' is an object, not a string or a number",
        "line 6: not a JSON object",
        "line 7: 'question' contains an invalid character",
        "line 8: byte 15 is not UTF-8",
    ):
        assert reason in message
    assert message.startswith(str(path))
    assert "line 1:" not in message
    assert store.problems.counts() == {"train": 0, "heldout": 0, "excluded": 0}


def test_bad_lines_can_be_skipped(store, tmp_path, caplog):
    path = lines(tmp_path / "a.jsonl", {"question": "good?", "answer": "1"}, {"question": "bad?", "answer": ""})
    source = settings(kind="jsonl", path=path, bad_rows="skip")
    report = import_problems(store.problems, [source])
    assert (report.added, report.skipped) == (1, (f"{path}: line 2: 'answer' is empty",))
    assert len(list(read_problems(source))) == 1
    assert "line 2: 'answer' is empty" in caplog.text


NO_ANSWERS = ["proof", "notfound", r"\text{(Proof.)}", "N/A", "See solution.", "  "]


@pytest.mark.parametrize("label", NO_ANSWERS)
def test_a_row_whose_label_is_no_answer_is_left_out_and_listed(store, tmp_path, label):
    path = lines(tmp_path / "a.jsonl", {"question": "good?", "answer": "1"}, {"question": "bad?", "answer": label})
    report = import_problems(store.problems, [settings(kind="jsonl", path=path)])
    assert (report.added, report.read) == (1, 1)
    (listed,) = report.no_answers
    assert listed.startswith(f"{path}: line 2: ")


def test_labels_that_are_no_answers_can_be_kept(store, tmp_path):
    path = lines(tmp_path / "a.jsonl", {"question": "What shows that a theorem is true?", "answer": "proof"})
    report = import_problems(store.problems, [settings(kind="jsonl", path=path, skip_labels="none")])
    assert (report.added, report.no_answers) == (1, ())


def test_labels_that_are_no_answers_can_be_kept_while_choices_are_left_out(store, tmp_path):
    proof = {"problem": "Why?", "answer": "proof", "question_type": "proof"}
    choice = {"problem": "Which? (A) 1 (B) 2", "answer": "B", "question_type": "MCQ"}
    path = lines(tmp_path / "a.jsonl", proof, choice)
    source = settings(kind="jsonl", path=path, layout="numinamath", skip_labels="none", multiple_choice="leave_out")
    report = import_problems(store.problems, [source])
    assert (report.added, report.skipped) == (1, (f"{path}: line 2: the label 'B' is the letter of a choice",))


@pytest.mark.parametrize("label", ["none", "-1", r"\emptyset", "()", "?", r"\text{proof by 3}"])
def test_words_and_signs_that_may_be_answers_are_imported(tmp_path, label):
    path = lines(tmp_path / "a.jsonl", {"question": "good?", "answer": label})
    assert len(list(read_problems(settings(kind="jsonl", path=path)))) == 1


def test_nested_fields_and_questions_in_chat_form_are_read(tmp_path):
    chat = [{"role": "system", "content": "Reason."}, {"role": "user", "content": "What is 6*7?"}]
    path = lines(tmp_path / "a.jsonl", {"prompt": chat, "reward_model": {"ground_truth": "42"}})
    columns = {"question": "prompt", "answer": "reward_model.ground_truth"}
    (one,) = read_problems(settings(kind="jsonl", path=path, columns=columns))
    assert (one.question, one.answer) == ("What is 6*7?", "42")


def test_a_missing_or_empty_file_is_named(tmp_path):
    with pytest.raises(ProblemSourceError, match=r"nowhere.jsonl: the file cannot be read: No such file"):
        list(read_problems(settings(kind="jsonl", path=str(tmp_path / "nowhere.jsonl"))))
    with pytest.raises(ProblemSourceError, match="it contains no problems"):
        list(read_problems(settings(kind="jsonl", path=lines(tmp_path / "empty.jsonl"))))


def test_answers_are_taken_out_of_gsm8k_and_math_solutions(tmp_path):
    gsm8k = lines(tmp_path / "g.jsonl", {"question": "clips?", "answer": "48/2 = <<48/2=24>>24\n#### 1,272"})
    math = lines(tmp_path / "m.jsonl", {"problem": "x?", "solution": r"\boxed{1}, so $\boxed{\frac{1}{2}}$."})
    (one,) = read_problems(settings(kind="jsonl", path=gsm8k, answer_from="gsm8k"))
    columns = {"question": "problem", "answer": "solution"}
    (two,) = read_problems(settings(kind="jsonl", path=math, answer_from="boxed", columns=columns))
    assert (one.answer, two.answer) == ("1272", r"\frac{1}{2}")


@pytest.mark.parametrize(
    ("extract", "text"), [(extract_gsm8k, "72"), (extract_boxed, "72"), (extract_boxed, r"it is \boxed{\frac{1}{2}")]
)
def test_a_solution_without_its_mark_is_refused(extract, text):
    with pytest.raises(AnswerFormError):
        extract(text)


def test_a_problem_of_the_test_set_is_held_out_although_the_training_set_has_it_too(store, tmp_path):
    train = lines(tmp_path / "train.jsonl", *({"question": f"{i}?", "answer": "1"} for i in range(4)))
    test = lines(tmp_path / "test.jsonl", {"question": " 3? ", "answer": "1"})
    sources = [
        settings(kind="jsonl", path=train, heldout_fraction=0),
        settings(kind="jsonl", path=test, split="heldout"),
    ]
    report = import_problems(store.problems, sources)
    assert (report.train, report.heldout, report.left_out) == (3, 1, 1)
    assert store.problems.counts() == {"train": 3, "heldout": 1, "excluded": 0}


# Parquet


def test_a_parquet_file_is_read_by_its_columns_and_bad_rows_by_their_numbers(tmp_path):
    import pyarrow  # starts threads: not before other tests have forked
    from pyarrow import parquet

    rows = [{"q": f"{i} + 1?", "a": i + 1} for i in range(3)]
    parquet.write_table(pyarrow.Table.from_pylist([*rows, {"q": "", "a": 4}]), tmp_path / "a.parquet")
    columns = {"question": "q", "answer": "a"}
    source = settings(kind="parquet", path=str(tmp_path / "a.parquet"), columns=columns)
    with pytest.raises(ProblemSourceError, match="row 4: 'q' is empty"):
        list(read_problems(source))
    assert [p.answer for p in read_problems(source.model_copy(update={"limit": 3}))] == ["1", "2", "3"]


def test_a_parquet_file_that_is_none_or_missing_is_named(tmp_path):
    (tmp_path / "a.parquet").write_text("not parquet at all")
    with pytest.raises(ProblemSourceError, match=r"a.parquet: the file cannot be read: "):
        list(read_problems(settings(kind="parquet", path=str(tmp_path / "a.parquet"))))
    with pytest.raises(ProblemSourceError, match=r"b.parquet: the file cannot be read: it does not exist"):
        list(read_problems(settings(kind="parquet", path=str(tmp_path / "b.parquet"))))


# Hugging Face


def test_a_local_data_set_is_loaded_by_its_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    lines(tmp_path / "data/train.jsonl", *({"question": f"{i} + 1?", "answer": f"so\n#### {i + 1}"} for i in range(5)))
    source = settings(kind="huggingface", dataset=str(tmp_path / "data"), answer_from="gsm8k", limit=3)
    assert [problem.answer for problem in read_problems(source)] == ["1", "2", "3"]
    with pytest.raises(ProblemSourceError, match=r"row 1: there is no field 'problem' \(it has answer, question\)"):
        list(read_problems(source.model_copy(update={"columns": Columns(question="problem")})))


def test_a_data_set_that_cannot_be_reached_is_named_with_a_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(
        ProblemSourceError, match=r"'nobody/nothing', split 'train': it cannot be loaded: .*kind = \"jsonl\""
    ):
        list(read_problems(settings(kind="huggingface", dataset="nobody/nothing")))


def test_a_list_of_answers_accepts_each_of_them(tmp_path):
    file = tmp_path / "several.jsonl"
    rows = [{"question": "What is a half?", "answer": ["1/2", "0.5"]}, {"question": "2 + 2?", "answer": 4}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    several, one = read_problems(JsonlSettings(path=str(file)))
    assert several.accepted_answers == ("1/2", "0.5")
    assert one.accepted_answers == ("4",)


@pytest.mark.parametrize("answer", [[], ["1", ""], ["1", None], ["1", ["2"]]])
def test_a_list_that_holds_no_answer_is_a_bad_row(tmp_path, answer):
    file = tmp_path / "several.jsonl"
    file.write_text(json.dumps({"question": "What is a half?", "answer": answer}) + "\n")
    with pytest.raises(ProblemSourceError, match="line 1"):
        list(read_problems(JsonlSettings(path=str(file))))


def test_a_line_break_within_an_answer_does_not_split_it(tmp_path):
    file = tmp_path / "broken.jsonl"
    file.write_text(json.dumps({"question": "How large is it?", "answer": "90\\text{ square\nunits}"}) + "\n")
    (problem,) = read_problems(JsonlSettings(path=str(file)))
    assert problem.accepted_answers == ("90\\text{ square units}",)
