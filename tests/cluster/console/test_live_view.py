"""The live view of a run: a table that fits the screen, plain lines elsewhere."""

import io

import pytest
from rich.console import Console

from cluster.console.live_view import LiveView, PlainLines, fit_columns, header, make_progress, row

WARM = {
    "iteration": 0, "policy_version": 1, "promoted_version": 1, "pass@1": 0.4725,
    "measured": {"pass@1": {"standard_error": 0.025}}, "rollouts": 0, "accepted": 0,
    "acceptance_rate": None, "blocks": 0, "tokens_per_s": None, "loss": 0.3861,
    "seconds": {"learn": 9.6, "measure": 7.2, "swap": 0.4},
}  # fmt: skip
SECOND = {
    "iteration": 2, "policy_version": 3, "promoted_version": 2, "pass@1": 0.77,
    "measured": {"pass@1": {"standard_error": 0.021}}, "rollouts": 2800, "accepted": 1918,
    "acceptance_rate": 0.685, "blocks": 3199, "tokens_per_s": 3853.4, "loss": 0.0362,
    "seconds": {"sample": 14.2, "learn": 21.4, "measure": 8.0, "publish": 0.3},
}  # fmt: skip


def screen(width: int) -> tuple[Console, io.StringIO]:
    shown = io.StringIO()
    return Console(file=shown, width=width, force_terminal=True, color_system=None), shown


def cells(line: str) -> dict[str, str]:
    names = ["iter", "policy", "pass@1", "rollouts", "accepted", "rate", "blocks", "tok/s", "loss"]
    found = line.replace(" ± ", "±").split()
    return dict(zip([*names, "sample", "learn", "measure", "all"], found, strict=True))


def test_a_row_has_the_figures_of_its_iteration_and_the_seconds_of_each_phase() -> None:
    assert cells(row(SECOND)) == {
        "iter": "2", "policy": "v3", "pass@1": "77.0±2.1", "rollouts": "2800", "accepted": "1918", "rate": "68.5",
        "blocks": "3199", "tok/s": "3853", "loss": "0.036", "sample": "14", "learn": "21", "measure": "8", "all": "44",
    }  # fmt: skip


def test_a_missing_figure_is_a_dash_and_a_star_marks_a_promoted_policy() -> None:
    found = cells(row(WARM))
    assert (found["iter"], found["policy"]) == ("warm", "v1★")
    assert {found[name] for name in ("rollouts", "accepted", "rate", "blocks", "tok/s", "sample")} == {"-"}


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_the_table_fits_the_screen(width: int) -> None:
    columns = fit_columns(width)
    assert len(header(columns)) <= max(width, len(header(["iter", "policy", "pass@1", "rate", "all s"])))
    assert len(row(SECOND, columns)) == len(header(columns))
    assert {"iter", "policy", "pass@1", "rate", "all s"} <= set(columns)


def test_a_terminal_shows_each_line_unbroken_under_one_header() -> None:
    console, shown = screen(80)
    live = make_progress(console)
    assert isinstance(live, LiveView)
    with live.phase("sample", 10):
        live.advance(3, 10)
        live.iteration(WARM)
        live.iteration(SECOND)
    lines = [line for line in shown.getvalue().splitlines() if "pass@1" in line or "v1★" in line or "v3" in line]
    assert len(lines) == 3
    assert "sampling" in shown.getvalue()


def test_a_log_gets_plain_lines_with_the_time() -> None:
    shown = io.StringIO()
    plain = make_progress(Console(file=shown, width=80))
    assert isinstance(plain, PlainLines)
    with plain.phase("measure", 40):
        plain.note("a note")
    plain.iteration(SECOND)
    lines = shown.getvalue().splitlines()
    assert [line.partition("] ")[2] for line in lines] == [
        "measuring on held-out problems (40)", "a note", header(), row(SECOND)
    ]  # fmt: skip
    assert all(line.startswith("[") and line.split()[1:2] == ["0.0"] for line in lines)


def test_where_activities_overlap_the_total_is_that_of_the_clock() -> None:
    overlapping = {**SECOND, "seconds": {"sample": 40.0, "learn": 21.4, "measure": 12.0, "all": 42.0}}
    assert cells(row(overlapping))["all"] == "42"


def test_activities_beside_a_phase_have_bars_of_their_own_until_they_end() -> None:
    console, _ = screen(80)
    live = LiveView(console)
    with live.phase("learn", 10):
        live.track("sample", 3, 10, "samplers start")
        live.track("measure", 0, 5)
        live.track("sample", 4, 10)
        shown = {bar.description: (bar.completed, bar.total) for bar in live._bars.tasks}
        assert shown == {"learning": (0, 10), "sampling": (4, 10), "measuring on held-out problems": (0, 5)}
        live.untrack("measure")
        live.untrack("measure")
    assert [bar.description for bar in live._bars.tasks] == ["sampling"]
    live.untrack("sample")
    assert live._bars.tasks == []


def test_a_log_gets_an_activity_when_it_begins_and_when_it_begins_again() -> None:
    shown = io.StringIO()
    plain = PlainLines(Console(file=shown, width=80))
    for done in range(3):
        plain.track("sample", done, 10)
    plain.untrack("sample")
    plain.track("sample", 0, 20)
    assert [line.partition("] ")[2] for line in shown.getvalue().splitlines()] == ["sampling (10)", "sampling (20)"]
