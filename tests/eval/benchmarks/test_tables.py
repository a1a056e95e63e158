"""The tables of results, as Markdown, LaTeX, HTML and JSON."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.benchmarks.kept import ResultsFileError, kept_results, read_results, results_file, write_results
from eval.benchmarks.results import BenchmarkResult, BenchReport, Cost, Score, from_record, to_record
from eval.benchmarks.tables import all_tables, comparison_table, costs_table, figures_table
from eval.report.benchmarks import benchmarks_section
from eval.tables.latex import to_latex
from eval.tables.markdown import to_markdown
from store.runs.figures import Figure

GREEDY = BenchmarkResult(
    benchmark="gsm8k",
    title="GSM8K",
    problems=200,
    size=1319,
    samples=1,
    temperature=0.0,
    scores={
        "ours": Score({"pass@1": Figure(0.5, 200, 0.0354, 0.43, 0.57, 0)}, undecided=1),
        "qwen": Score({"pass@1": Figure(0.51, 200, 0.0354, 0.44, 0.58, 0)}),
    },
    cost=Cost(200, 40_000, 900.0, 120.0, gpu_hours=0.03),
)
SAMPLED = BenchmarkResult(
    benchmark="gsm8k",
    title="GSM8K",
    problems=1319,
    size=1319,
    samples=20,
    temperature=0.8,
    scores={
        "ours": Score(
            {
                "pass@1": Figure(0.4, 1319, 0.01, 0.38, 0.42, 0),
                "pass@20": Figure(0.9, 1319, 0.01, 0.88, 0.92, 0),
                "maj@20": Figure(0.6, 1319, 0.01, 0.58, 0.62, 0),
            }
        )
    },
    cost=Cost(26_380, 5_000_000, 9e4, 7200.0),
    faults=2,
)
REPORT = BenchReport("my_run v3", 3, "tir", 512, "2026-01-01 12:00", (GREEDY, SAMPLED))


def test_the_papers_figures_stand_above_ours_and_are_marked_as_quoted() -> None:
    table = comparison_table([REPORT])

    quoted = [row for row in table.rows if "(quoted)" in row[0]]
    assert quoted[2] == ["MARIO-OVM-7B (quoted)", "greedy", "", "74.5", "47.7", "19.1", "32.5"]
    assert list(table.rows[-3]) == ["my_run v3", "greedy", "ours", "50.0 [43.0, 57.0]", "–", "–", "–"]
    assert list(table.rows[-2])[:4] == ["my_run v3", "greedy", "Qwen", "51.0 [44.0, 58.0]"]
    assert list(table.rows[-1])[:4] == ["my_run v3", "maj@20", "ours", "60.0 [58.0, 62.0]"]
    assert "my_run v3: 200 of the 1,319 problems of GSM8K" in table.notes


def test_a_figure_appears_only_where_it_was_measured() -> None:
    """value@k needs the scores of a value model: without one there is neither a row nor a column for it."""
    text = "".join(to_markdown(table) for table in all_tables([REPORT]))

    assert "maj@20" in text
    assert "value@" not in text


def test_figures_have_errors_intervals_and_what_they_lack() -> None:
    table = figures_table([REPORT])

    assert list(table.rows[0]) == ["my_run v3", "GSM8K", "ours", "greedy", "50.0 ± 3.5", "43.0 to 57.0", "200"]
    assert any("1 attempt without a verdict" in note for note in table.notes)
    assert any("2 attempts ended in a system fault" in note for note in table.notes)


def test_costs_have_tokens_time_and_gpu_hours_where_there_are_gpus() -> None:
    rows = costs_table([REPORT]).rows

    assert list(rows[0]) == ["my_run v3", "GSM8K", "greedy", "200", "40,000", "200", "2.0", "0.03"]
    assert rows[1][2] == "20 at temperature 0.8"
    assert rows[1][-1] == "–"


def test_names_with_special_characters_are_escaped() -> None:
    assert r"**my\_run v3**" in to_markdown(comparison_table([REPORT]))
    latex = to_latex(comparison_table([REPORT]))
    assert r"my\_run v3 & greedy & ours & 50.0 [43.0, 57.0] & -- & -- & -- \\" in latex
    assert latex.count(r"\midrule") == 2


def test_results_are_read_back_from_json() -> None:
    assert from_record(json.loads(json.dumps(to_record(REPORT)))) == REPORT


def test_the_results_of_all_policies_of_a_run_are_kept_by_version(tmp_path: Path) -> None:
    for version in (10, 9):
        write_results(results_file(tmp_path, version), replace(REPORT, policy_version=version))

    assert [report.policy_version for report in kept_results(tmp_path)] == [9, 10]
    assert kept_results(tmp_path / "none") == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"results": []}'])
def test_another_file_is_no_file_of_results(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results-v1.json"
    path.write_text(text)

    with pytest.raises(ResultsFileError, match=r"results-v1\.json is no file of results"):
        read_results(path)


def test_the_report_has_a_section_only_with_results_and_escapes_names() -> None:
    assert benchmarks_section([]) == ""
    page = benchmarks_section([replace(REPORT, model="<script>")])
    assert "<h2>Benchmarks</h2>" in page
    assert "MARIO-OVM-7B (quoted)" in page
    assert "<script>" not in page
