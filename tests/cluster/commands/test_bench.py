"""`automathes bench` over attempts that are in the store: what it schedules, judges, prints and keeps apart."""

import json
import shutil
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.commands.bench.target import bench_folder
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from eval.benchmarks.catalogue import Catalogue
from eval.benchmarks.registry import BENCHMARKS
from store.records import Outcome, Policy, Problem, Purpose, Rollout, Sampling, Split, rollout_id
from store.settings import SelectionSettings
from store.store import Store

ANSWERS = {"1": "1", "2": "200", "3": "7", "4": None}  # by label: right, right by Qwen's rule, wrong, none
NAME = "test-1"


@pytest.fixture
def run(tmp_path: Path, empty_store: Path) -> RunFolder:
    """A run with one policy and one training problem."""
    config = load_config("demo", None, [])
    folder = new_run_folder(tmp_path / "runs", "test")
    folder.write_config(config)
    shutil.copy(empty_store, folder.path / "store.db")
    (tmp_path / "policy").mkdir()
    with Store.open(folder.store_url(config)) as store:
        store.problems.add([Problem("mine", "What is 7 * 8?", "56", "test", Split.TRAIN, "mine")])
        store.policies.add(Policy(0, None, str(tmp_path / "policy"), checksum="abc"))
    return folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [{"question": f"Which number is {label}?", "answer": label} for label in ANSWERS]
    (folder / "gsm8k.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def bench(run: RunFolder, *options: str) -> int:
    return main(["bench", "--run", str(run.path), "--benchmarks", "gsm8k", *options])


def bench_url(run: RunFolder) -> str:
    return f"sqlite:///{run.path.parent / 'benchmarks' / NAME / 'store.db'}"


def answer_all(store: Store) -> None:
    """Make the attempts that are scheduled; those after the first at a problem have the answers of `ANSWERS`."""
    for assignment in store.assignments.lease("test", 8, 60).assignments:
        label = assignment.problem.answer
        for sample in assignment.pending:
            answer = ANSWERS[label] if sample == assignment.pending[-1] else "9"
            outcome = Outcome.ACCEPTED if answer == label else Outcome.WRONG if answer else Outcome.NO_ANSWER
            store.rollouts.add([
                Rollout(
                    rollout_id(assignment.id, sample), assignment.problem.id, assignment.purpose, outcome, "tir",
                    (1,), (2, 3), (True, True), answer=answer, assignment_id=assignment.id, seconds=1.5,
                )
            ])  # fmt: skip


@pytest.fixture
def attempted(run: RunFolder, data: Path, empty_store: Path) -> RunFolder:
    """The run, with greedy attempts at all four problems of the benchmark, as its samplers would have stored them."""
    runs = run.path.parent
    bench_folder(runs, NAME).path.mkdir(parents=True)
    for file in (Catalogue.file(runs), bench_folder(runs, NAME).path / "store.db"):
        shutil.copy(empty_store, file)
    with Catalogue.open(runs) as catalogue:
        catalogue.read(BENCHMARKS["gsm8k"], data)
        problems = list(catalogue.problems(BENCHMARKS["gsm8k"]))
    with Store.open(bench_url(run)) as store:
        store.problems.import_new(problems)
        store.policies.add(Policy(0, None, str(run.path.parents[1] / "policy"), checksum="abc"))
        ids = [problem.id for problem in problems]
        store.evaluations.schedule(0, "gsm8k", sampling=Sampling(0.0), problem_ids=ids)
        answer_all(store)
    return run


def test_answers_are_judged_by_all_rules_that_apply(attempted: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(attempted, "--format", "json") == 0

    (report,) = json.loads(capsys.readouterr().out)["reports"]
    (result,) = report["results"]
    shares = {rule: score["figures"]["pass@1"]["value"] for rule, score in result["scores"].items()}
    assert shares == {"ours": 0.25, "qwen": 0.5}
    assert (result["problems"], result["size"], result["samples"]) == (4, 4, 1)
    assert (result["cost"]["attempts"], result["cost"]["tokens"], result["cost"]["gpu_hours"]) == (4, 8, None)


def test_what_was_judged_once_is_stored_and_printed_in_other_forms(
    attempted: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(attempted) == 0
    assert "| **test-1 v0** | greedy | Qwen | 50.0 [" in capsys.readouterr().out
    with Store.open(bench_url(attempted)) as store:
        assert [(one.metric, one.figure.value) for one in store.evaluations.figures()] == [
            ("pass@1", 0.25),
            ("pass@1/qwen.1", 0.5),
        ]

    assert bench(attempted, "--format", "latex") == 0
    assert r"test-1 v0 & greedy & Qwen & 50.0 [" in capsys.readouterr().out


def test_a_rule_can_be_left_out(attempted: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(attempted, "--rules", "ours", "--format", "json") == 0

    (report,) = json.loads(capsys.readouterr().out)["reports"]
    assert list(report["results"][0]["scores"]) == ["ours"]


def test_results_are_kept_for_later_comparisons(attempted: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(attempted) == 0
    capsys.readouterr()
    kept = attempted.path.parent / "benchmarks" / NAME / "results-v0.json"

    assert bench(attempted, "--beside", str(kept)) == 0

    assert capsys.readouterr().out.count("| **test-1 v0** | greedy | ours |") == 2


def test_the_report_of_the_run_has_the_table(attempted: RunFolder) -> None:
    assert bench(attempted) == 0

    assert main(["report", "--run", str(attempted.path)]) == 0

    page = (attempted.path / "report.html").read_text()
    assert "<h2>Benchmarks</h2>" in page
    assert "50.0 [" in page


def test_problems_of_benchmarks_are_in_no_store_of_a_run(attempted: RunFolder) -> None:
    assert bench(attempted) == 0

    with Store.open(attempted.store_url(attempted.read_config())) as store:
        assert [problem.id for problem in store.problems.iterate()] == ["mine"]
        assert store.evaluations.figures() == []
        assert store.run.statistics().eval.total == 0


def test_the_store_of_attempts_has_no_problem_to_train_on(attempted: RunFolder) -> None:
    with Store.open(bench_url(attempted)) as store:
        assert store.problems.counts() == {"train": 0, "heldout": 4, "excluded": 0}


def test_another_policy_of_the_same_version_is_refused(
    attempted: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(bench_url(attempted)) as store:
        store.policies.add(Policy(1, None, "elsewhere", checksum="other"))
    with Store.open(attempted.store_url(attempted.read_config())) as store:
        store.policies.add(Policy(1, 0, str(attempted.path), checksum="mine"))

    assert bench(attempted, "--policy", "1") == 2

    assert "has attempts of another policy v1" in capsys.readouterr().err


def test_other_limits_are_not_mixed_with_earlier_attempts(
    attempted: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(attempted) == 0
    capsys.readouterr()

    assert bench(attempted, "--set", "sampler.limits.max_tokens=100") == 2

    error = capsys.readouterr().err
    assert "sampler.limits is" in error
    assert "--name" in error


@pytest.fixture
def scored(attempted: RunFolder) -> RunFolder:
    """With two sampled attempts at each problem, and a value model of the run that prefers the second ones."""
    config = attempted.read_config()
    with Store.open(attempted.store_url(config)) as store:
        texts = (1,), (2,), (True,)
        solution = Rollout("demo-1", "mine", Purpose.DEMONSTRATION, Outcome.ACCEPTED, "tir", *texts, answer="56")
        store.rollouts.add([solution])
        model = store.values.begin(0, {}, SelectionSettings(attempts=False))
        store.values.publish(model.version, "gone", "abc", {})
    with Store.open(bench_url(attempted)) as store:
        ids = [problem.id for problem in store.problems.iterate()]
        sampling = config.evaluation_sampling(config.evaluation.temperature)
        evaluation = store.evaluations.schedule(0, "gsm8k-sampled", samples=2, sampling=sampling, problem_ids=ids)
        answer_all(store)
        for batch in store.values.unscored(model.version, evaluation):
            store.values.add_scores(model.version, [(one.seq, 0.1 + 0.8 * (n % 2)) for n, one in enumerate(batch)])
    return attempted


def test_a_value_model_chooses_among_attempts_by_every_rule(scored: RunFolder, capsys) -> None:
    for _ in range(2):  # what was judged once is stored
        assert bench(scored, "--samples", "2", "--rerank", "value", "--format", "json") == 0
        (report,) = json.loads(capsys.readouterr().out)["reports"]
        sampled = next(result for result in report["results"] if result["samples"] == 2)
        chosen = {rule: score["figures"]["best@2"]["value"] for rule, score in sampled["scores"].items()}
        assert chosen == {"ours": 0.25, "qwen": 0.5}
        assert sampled["scores"]["ours"]["figures"]["pass@1"]["value"] == 0.125

    assert bench(scored, "--samples", "2", "--format", "json") == 0  # without it, its figures are not shown
    (report,) = json.loads(capsys.readouterr().out)["reports"]
    assert set(report["results"][-1]["scores"]["ours"]["figures"]) == {"pass@1", "pass@2", "maj@2"}


def test_the_list_shows_licences_and_what_was_read(
    attempted: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert main(["bench", "--list", "--runs", str(attempted.path.parent)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    assert next(line for line in lines if line.startswith("gsm8k ")).split()[:5] == [
        "gsm8k",
        "1,319",
        "4",
        "ours,",
        "qwen",
    ]
    assert any("CC BY-NC 4.0" in line for line in lines)

    assert main(["bench", "--list", "--format", "json", "--runs", str(attempted.path.parent)]) == 0
    assert {one["name"]: one["read"] for one in json.loads(capsys.readouterr().out)}["gsm8k"] == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--benchmarks", "mmlu"], "there is no benchmark 'mmlu'"),
        (["--rules", "theirs"], "there is no rule 'theirs'"),
        (["--samples", "0"], "must be 1 or more"),
        (["--rerank", "value"], "set --samples"),
        (["--samples", "2", "--rerank", "value"], "no value model yet"),
        (["--limit", "0"], "must be 1 or more"),
        (["--temperature", "0.5"], "add --samples 2 or more"),
        (["--samples", "2", "--temperature", "0"], "must be above 0"),
        (["--policy", "7"], "it has v0"),
        (["--model", "smollm2"], "leave --run out"),
        (["--preset", "demo"], "--preset is for --model"),
        (["--data", "nowhere"], "nowhere has no file for it"),
        (["--store", "postgresql://me:secret@host/db"], "must not hold a password"),
        (["--beside", "nowhere.json"], "nowhere.json is no file of results"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    run: RunFolder, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(run, *options) == 2

    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_an_import_warns_of_problems_of_a_benchmark(
    attempted: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "more.jsonl"
    file.write_text(
        '{"question": "Which  number is 3?", "answer": "3"}\n{"question": "What is 2 + 5?", "answer": "7"}\n'
    )
    options = ["problems", "import", str(file), "--run", str(attempted.path), "--split", "train"]

    assert main([*options, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["benchmarks"] == {"gsm8k": {"near_duplicate": 1}}

    assert main(options) == 0
    out = capsys.readouterr().out
    assert "2 problems imported" in out
    assert "warning: training problems that are those of a benchmark or nearly: 1 of GSM8K" in out
