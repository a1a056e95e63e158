"""Exports in the layouts of trainers, written by the command and read as the trainers read them."""

import importlib.util
import json
from pathlib import Path
from typing import Any, get_args

import datasets
import pytest
import yaml

from actors.formats import FORMATS
from cluster.cli import main
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from cluster.parsers.results import LAYOUTS as OFFERED
from cluster.serving.api.requests.tools import CalledFunction
from store.export.layouts import LAYOUTS
from store.export.settings import ExportLayout
from store.records import (
    Assignment,
    Outcome,
    Policy,
    PolicySpan,
    Problem,
    Rollout,
    Sampling,
    Segment,
    SegmentKind,
    Split,
    rollout_id,
)
from store.store import Store

pytestmark = pytest.mark.usefixtures("offline_datasets")

PRINTED = "the interpreter printed this"
OUTCOMES = (Outcome.ACCEPTED, Outcome.WRONG, Outcome.ACCEPTED, Outcome.TRUNCATED, Outcome.UNDECIDED)
"""Of the attempts at each training problem."""

PROBLEMS = {
    problem.id: problem
    for problem in (
        Problem("a", "What is 3 * 4?", "12", "primary", Split.TRAIN, "key-a"),
        Problem("b", "Name a root of x^2 = 4.", "2\n-2", "algebra", Split.TRAIN, "key-b"),
        Problem("h", "What is the answer to everything?", "42", "secret", Split.HELDOUT, "key-h"),
    )
}
PAIRED = ("trl-pairs", "openrlhf-pairs", "axolotl-pairs", "llama-factory-pairs")
CHATS = ("trl", "openrlhf", "axolotl", "llama-factory")


def attempt(assignment: Assignment, sample: int, outcome: Outcome) -> Rollout:
    segments = (
        Segment(SegmentKind.TEXT, f"\nAttempt {sample} \ud800: compute.\n"),
        Segment(SegmentKind.CODE, f"print({sample} ** {sample + 7})"),
        Segment(SegmentKind.OUTPUT, PRINTED),
        Segment(SegmentKind.TEXT, f"So it is \\boxed{{{sample}}}.\n"),
        Segment(SegmentKind.ANSWER, str(sample)),
    )
    return Rollout(
        rollout_id(assignment.id, sample),
        assignment.problem.id,
        assignment.purpose,
        outcome,
        "tir",
        (1,),
        (2, 3),
        (True, False),
        (PolicySpan(1, 0, 2),),
        segments,
        answer=str(sample),
        assignment_id=assignment.id,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Five attempts at each of two training problems, two accepted, and an accepted one at a held-out problem."""
    config = load_config("demo", None, [])
    folder = new_run_folder(tmp_path_factory.mktemp("runs"), "test")
    folder.write_config(config)
    with Store.open(folder.store_url(config)) as store:
        store.problems.add(PROBLEMS.values())
        store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
        store.iterations.open(1, policy_version=1)
        store.iterations.schedule(1, 2, 5, Sampling(0.7, 0.9))
        store.evaluations.schedule(1, "heldout", sampling=Sampling(0.0))
        for assignment in store.assignments.lease("test", 10, 60).assignments:
            outcomes = OUTCOMES if assignment.problem.split is Split.TRAIN else (Outcome.ACCEPTED,)
            store.rollouts.add(attempt(assignment, *one) for one in enumerate(outcomes))
    return folder


def export(run: RunFolder, folder: Path, *options: str) -> int:
    return main(["export", str(folder), *options, "--run", str(run.path)])


def exported(run: RunFolder, folder: Path, *options: str) -> list[dict[str, Any]]:
    """The rows of the training split, as `datasets` reads them, through which all of the trainers do."""
    assert export(run, folder, *options) == 0
    return list(datasets.load_dataset(str(folder), split="train"))


def solution(sample: int) -> str:
    form = FORMATS["tir"]
    code = form.code_block(f"print({sample} ** {sample + 7})")
    return f"Attempt {sample} ?: compute.\n{code}{form.output(PRINTED)}So it is \\boxed{{{sample}}}."


def conversation(problem: Problem) -> list[dict[str, str]]:
    system = FORMATS["tir"].system
    return [{"role": "system", "content": system}, {"role": "user", "content": problem.question}]


def plain(messages: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{name: message[name] for name in ("role", "content")} for message in messages]


def test_the_command_offers_all_layouts() -> None:
    assert set(OFFERED) == set(LAYOUTS) == set(get_args(ExportLayout))


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@pytest.mark.parametrize("layout", CHATS)
def test_accepted_solutions_are_chat_messages(run: RunFolder, tmp_path: Path, layout: str, form: str) -> None:
    rows = exported(run, tmp_path / "out", "--layout", layout, "--format", form)

    assert sorted(row["problem_id"] for row in rows) == ["a", "a", "b", "b"]
    assert {row["messages"][-1]["content"] for row in rows} == {solution(0), solution(2)}
    for row in rows:
        problem = PROBLEMS[row["problem_id"]]
        assert plain(row["messages"][:-1]) == conversation(problem)
        assert (row["messages"][-1]["role"], row["source"]) == ("assistant", problem.source)


def test_axolotl_is_told_which_characters_the_policy_wrote(run: RunFolder, tmp_path: Path) -> None:
    for row in exported(run, tmp_path / "out", "--layout", "axolotl"):
        *others, solution = row["messages"]
        detail, content = solution["train_detail"], solution["content"]
        parts = [(content[part["begin_offset"] : part["end_offset"] + 1], part["train"]) for part in detail]

        assert "".join(text for text, _ in parts) == content
        assert [text for text, learned in parts if not learned] == [FORMATS["tir"].output(PRINTED)]
        assert not any(message.get("train_detail") for message in others)


def test_with_tools_code_is_a_call_and_its_output_a_message(run: RunFolder, tmp_path: Path) -> None:
    for row in exported(run, tmp_path / "out", "--layout", "trl", "--tools"):
        _, _, call, tool, last = row["messages"]
        function = call["tool_calls"][0]["function"]
        CalledFunction(name=function["name"], arguments=json.dumps(function["arguments"]))  # as the server reads it

        assert [message["role"] for message in (call, tool, last)] == ["assistant", "tool", "assistant"]
        assert function["arguments"]["code"].startswith("print(")
        assert (tool["content"], tool["tool_call_id"]) == (PRINTED, call["tool_calls"][0]["id"])
        assert PRINTED not in call["content"] + last["content"]
        assert json.loads(row["tools"])[0]["function"]["name"] == function["name"]


@pytest.mark.parametrize("layout", ["trl-pairs", "openrlhf-pairs", "axolotl-pairs"])
def test_a_pair_has_an_accepted_and_a_rejected_attempt(run: RunFolder, tmp_path: Path, layout: str) -> None:
    rows = exported(run, tmp_path / "out", "--layout", layout)

    assert sorted(row["problem_id"] for row in rows) == ["a", "b"]
    for row in rows:
        assert row["prompt"] == conversation(PROBLEMS[row["problem_id"]])
        assert row["chosen"] == [{"role": "assistant", "content": solution(0)}]
        assert row["rejected"] == [{"role": "assistant", "content": solution(1)}]
        assert row["rejected_outcome"] == "wrong"


def test_no_attempt_is_in_two_pairs_and_none_without_a_verdict_is_rejected(run: RunFolder, tmp_path: Path) -> None:
    rows = exported(run, tmp_path / "out", "--layout", "trl-pairs", "--pairs", "9")

    assert len(rows) == 4
    assert len({row["chosen_id"] for row in rows} | {row["rejected_id"] for row in rows}) == 8
    assert {row["rejected_outcome"] for row in rows} == {"wrong", "truncated"}


def test_pairs_are_filtered_by_the_outcome_of_the_rejected_attempt(run: RunFolder, tmp_path: Path) -> None:
    rows = exported(run, tmp_path / "out", "--layout", "trl-pairs", "--pairs", "9", "--outcome", "truncated")

    assert {row["rejected_outcome"] for row in rows} == {"truncated"}
    assert len(rows) == 2


def test_pairs_of_llama_factory_are_single_messages(run: RunFolder, tmp_path: Path) -> None:
    for row in exported(run, tmp_path / "out", "--layout", "llama-factory-pairs"):
        assert row["messages"] == conversation(PROBLEMS[row["problem_id"]])
        assert row["chosen"] == {"role": "assistant", "content": solution(0)}
        assert row["rejected"] == {"role": "assistant", "content": solution(1)}


@pytest.mark.parametrize("layout", ["llama-factory", "llama-factory-pairs"])
def test_llama_factory_finds_the_files_and_the_columns(run: RunFolder, tmp_path: Path, layout: str) -> None:
    rows = exported(run, tmp_path / "mine", "--layout", layout)

    entry = json.loads((tmp_path / "mine/dataset_info.json").read_text())["mine"]
    files = sorted((tmp_path / "mine" / entry["file_name"]).iterdir())
    assert list(datasets.load_dataset("json", data_files=list(map(str, files)), split="train")) == rows
    assert set(entry["columns"].values()) <= set(rows[0])
    assert entry.get("ranking", False) == layout.endswith("-pairs")


@pytest.mark.parametrize("layout", ["axolotl", "axolotl-pairs"])
def test_axolotl_is_told_where_the_data_is(run: RunFolder, tmp_path: Path, layout: str) -> None:
    rows = exported(run, tmp_path / "it's: here", "--layout", layout)

    (entry,) = yaml.safe_load((tmp_path / "it's: here/axolotl.yaml").read_text())["datasets"]
    assert list(datasets.load_dataset(entry["path"], split=entry["split"])) == rows
    assert {entry[name] for name in entry if name.startswith("field_")} <= set(rows[0])


def test_verl_gets_problems_with_their_answers(run: RunFolder, tmp_path: Path) -> None:
    rows = exported(run, tmp_path / "out", "--layout", "verl")

    assert {row["extra_info"]["id"] for row in rows} == {"a", "b"}
    for index, row in enumerate(rows):
        problem = PROBLEMS[row["extra_info"]["id"]]
        answers = list(problem.accepted_answers)
        assert row == {
            "data_source": problem.source,
            "prompt": conversation(problem),
            "ability": "math",
            "reward_model": {"style": "rule", "ground_truth": answers[0]},
            "extra_info": {"split": "train", "index": index, "id": problem.id, "answers": answers},
        }


@pytest.mark.parametrize("options", [(), ("--map", "answer=extra_info.answers")])
def test_an_import_reads_what_was_exported_for_verl(
    run: RunFolder, tmp_path: Path, store_url: str, options: tuple[str, ...]
) -> None:
    assert export(run, tmp_path / "out", "--layout", "verl", "--split", "train", "--split", "heldout") == 0
    for split in ("train", "heldout"):
        file = str(tmp_path / f"out/data/{split}-00000.parquet")
        command = ["problems", "import", file, "--layout", "verl", "--split", split, "--store", store_url]
        assert main([*command, "--map", "id=extra_info.id", *options]) == 0

    with Store.open(store_url, create=False) as store:
        found = {problem.id: problem for problem in store.problems.iterate()}
    assert set(found) == set(PROBLEMS)
    for name, problem in PROBLEMS.items():
        answer = problem.answer if options else problem.accepted_answers[0]
        assert (found[name].question, found[name].answer) == (problem.question, answer)
        assert found[name].split is problem.split


@pytest.mark.parametrize("layout", [*CHATS, *PAIRED])
def test_held_out_problems_are_in_no_training_data(
    run: RunFolder, tmp_path: Path, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(run, tmp_path / "out", "--layout", layout) == 0
    assert b"answer to everything" not in b"".join(path.read_bytes() for path in (tmp_path / "out/data").iterdir())

    assert export(run, tmp_path / "heldout", "--layout", layout, "--split", "heldout") == 2
    assert "held-out problems are not trained on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--layout", "verl", "--format", "jsonl"), "layout verl is not written as jsonl: choose parquet"),
        (("--layout", "llama-factory", "--tools"), "choose trl or trl-pairs"),
        (("--layout", "trl", "--token-ids"), "layout trl has no token ids"),
        (("--layout", "verl", "--distinct"), "rows are problems, to which the setting 'distinct' does not apply"),
        (("--layout", "trl-pairs", "--purpose", "train"), "pairs of attempts, to which the setting 'purposes'"),
        (("--pairs", "2"), "its rows are rollouts, to which the setting 'pairs' does not apply"),
        (("--layout", "trl-pairs", "--pairs", "0"), "--pairs 0"),
        (("--layout", "trl-pairs", "--outcome", "repetitive"), "no pair of attempts"),
    ],
)
def test_options_that_do_not_go_together_are_named(
    run: RunFolder, tmp_path: Path, options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(run, tmp_path / "out", *options) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [("--layout", "trl"), ("--layout", "trl", "--tools")])
def test_trl_takes_the_rows_for_conversations(run: RunFolder, tmp_path: Path, options: tuple[str, ...]) -> None:
    if importlib.util.find_spec("trl") is None:
        pytest.skip("TRL is not installed")
    from trl.data_utils import is_conversational

    assert all(map(is_conversational, exported(run, tmp_path / "out", *options)))
