"""The screen of `automathes status`: the state, the policies with their iterations, and the outcomes of rollouts."""

import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cluster.loop.alarms.faults import describe_kinds
from cluster.loop.run_status import Status
from eval.figure_text import coverage, omissions, points
from eval.promotion_text import describe_assessment
from store.records import Decision
from store.runs.figures import Figure

_STATE_STYLES = {
    "running": "green",
    "starting": "cyan",
    "paused": "yellow",
    "failed": "red",
    "dead": "red",
    "silent": "red",
}
_OUTCOME_STYLES = {"accepted": "green", "wrong": "red", "fault": "magenta"}
_HINTS = {
    "silent": "the driver lives but sends no heartbeat: it cannot write to the store, or its process was stopped",
    "dead": "the driver sends no heartbeat; `automathes run --resume` continues the run",
    "failed": "see driver.log in its folder; `automathes run --resume` continues the run",
}
_SAMPLING_STATES = ("starting", "running", "paused", "silent")
_BAR_CELLS = 30
_SILENT_AFTER_S = 30.0


def show(read: Callable[[], Status], refresh_s: float | None) -> None:
    """Print the status once, or with `refresh_s` redraw it until Ctrl-C."""
    console = Console()
    if refresh_s is None:
        console.print(draw(read()))
        return
    try:
        with Live(draw(read()), console=console, auto_refresh=False) as live:
            while True:
                time.sleep(refresh_s)
                live.update(draw(read()), refresh=True)
    except KeyboardInterrupt:
        pass  # the way to end it


def draw(status: Status) -> RenderableType:
    """The status as something that rich prints."""
    parts: list[RenderableType] = [_panel(status)]
    if status.samplers and status.state in _SAMPLING_STATES:
        parts += ["", _samplers(status)]
    if status.policies:
        parts += ["", _policies(status)]
    if status.rollouts["total"]:
        parts += ["", _shares("training rollouts", status.rollouts["by_outcome"], _OUTCOME_STYLES)]
    if status.support:
        parts += ["", _support(status)]
    if status.executions["total"]:
        parts += ["", _shares("code blocks run", status.executions["by_status"], {"ok": "green"})]
    return Group(*parts)


def _panel(status: Status) -> Panel:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _facts(status):
        grid.add_row(name, value, style="red" if name == "alarm" else None)
    style = _STATE_STYLES.get(status.state, "blue")
    title = Text(f" {status.run.rstrip('/').rpartition('/')[2]}: {status.state} ", style=f"bold {style}")
    return Panel(grid, title=title, title_align="left", border_style=style, box=box.ROUNDED)


def _facts(status: Status) -> list[tuple[str, Text]]:
    policy, problems = status.policy, status.problems
    excluded = f", {problems['excluded']:,} excluded" if problems["excluded"] else ""
    facts = [
        ("iterations", f"{status.iterations_done} of {status.iterations_asked} done"),
        ("policy", f"{_version(policy['version'])}, promoted {_version(policy['promoted_version'])}"),
        *_promotion(status),
        ("problems", f"{problems['train']:,} for training, {problems['heldout']:,} held out{excluded}"),
        ("demonstrations", f"{status.demonstrations:,}"),
        *_rates(status),
        ("store", status.store_url),
        ("folder", status.run),
    ]
    if status.reviews["open"]:
        facts.insert(3, ("labels in doubt", f"{status.reviews['open']:,}: decide on them with `automathes review`"))
    if status.faults["warning"]:
        facts.insert(0, ("many faults", status.faults["warning"]))
    if status.activity:
        facts.insert(0, ("now", status.activity))
    if status.support_alarm:
        facts.insert(0, ("alarm", status.support_alarm))
    if status.disk_warning:
        facts.insert(0, ("disk", status.disk_warning))
    if status.state in _HINTS:
        facts.insert(0, ("", _HINTS[status.state]))
    desired = {"paused": "pause", "stopped": "stop"}.get(status.desired_state)
    if desired and status.state in ("running", "starting"):
        facts.insert(0, ("requested", desired))
    if status.heartbeat_age_s is not None:
        facts.append(("heartbeat", f"{_ago(status.heartbeat_age_s)} ago"))
    return [(name, Text(text)) for name, text in facts]


def _promotion(status: Status) -> list[tuple[str, str]]:
    """The latest decision on a promotion, and what it rests on."""
    decided = [policy for policy in status.policies if policy["decision"]]
    if not decided:
        return []
    last = decided[-1]
    found = describe_assessment(Decision(last["decision"]), last["assessment"] or {})
    return [("promotion", f"v{last['version']} {found}")]


def _rates(status: Status) -> list[tuple[str, str]]:
    """The acceptance rate, and faults with the retries that avoided others, if there were any."""
    facts = []
    rate, faults = status.rollouts["acceptance_rate"], status.faults
    if rate is not None:
        facts.append(("accepted", f"{100 * rate:.1f} % of the training rollouts that count"))
    counts = {
        "training": faults["train"],
        "evaluation": faults["eval"],
        "retries": faults["retries"],
    }
    found = [f"{name}: {describe_kinds(by_kind)}" for name, by_kind in counts.items() if by_kind]
    return [*facts, ("faults", "; ".join(found))] if found else facts


def _samplers(status: Status) -> Table:
    """What each sampler does, with what holds it up."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("sampler", "host", "policy", "state", "for", "last progress"):
        table.add_column(name, justify="right" if name in ("for", "last progress") else "left", no_wrap=True)
    table.add_column("", overflow="fold")
    for sampler in status.samplers:
        is_silent = sampler["silent_s"] > _SILENT_AFTER_S
        details = [f"silent for {_ago(sampler['silent_s'])}"] if is_silent else []
        details += [f"{sampler['starts']} starts"] if sampler["starts"] > 1 else []
        details += [sampler["detail"]] if sampler["detail"] else []
        table.add_row(
            sampler["name"],
            sampler["host"] or "",
            _version(sampler["policy_version"]) if sampler["policy_version"] is not None else "",
            sampler["state"],
            _ago(sampler["since_s"]),
            f"{_ago(sampler['no_progress_s'])} ago",
            "; ".join(details),
            style="red" if is_silent else None,
        )
    return table


def _policies(status: Status) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.caption = "★ promoted; pass@1: greedy, on the held-out problems; rate: accepted of those that count"
    table.caption_justify = "left"
    for name in ("policy", "origin", "pass@1", "rollouts", "accepted", "rate", "loss", "seconds"):
        table.add_column(name, justify="left" if name in ("policy", "origin") else "right", no_wrap=True)
    made_by = {row["metrics"].get("policy_version"): row for row in status.iterations if row["closed"]}
    scores = {
        e["policy_version"]: e for e in status.evaluations if (e["benchmark"], e["metric"]) == ("heldout", "pass@1")
    }
    table.caption = Text("\n".join(_caption(scores)))
    table.caption_justify = "left"
    for policy in status.policies:
        version = policy["version"]
        row = made_by.get(version)
        mark = " ★" if policy["promoted"] else ""
        figures = _figures(row["metrics"] if row else {})
        table.add_row(
            f"v{version}{mark}",
            policy["origin"],
            _score(scores.get(version)),
            *figures,
            style="green" if mark else None,
        )
    for row in status.iterations:
        if not row["closed"]:
            table.add_row("...", f"iteration {row['number']}", "", f"{row['done']}/{row['scheduled']}", style="dim")
    return table


def _caption(scores: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """What the scores are, and what single ones lack."""
    lines = ["★ promoted; pass@1: greedy, on the held-out problems, ± one standard error"]
    for version, score in scores.items():
        found = [coverage(_figure(score))] if score["missing"] else []
        found += omissions(score["undecided"], score["unverifiable"])
        if found:
            lines.append(f"v{version}: {'; '.join(found)}")
    return lines


def _figures(metrics: Mapping[str, Any]) -> tuple[str, ...]:
    rate, loss = metrics.get("acceptance_rate"), metrics.get("loss")
    return (
        _count(metrics.get("rollouts")),
        _count(metrics.get("accepted")),
        "" if rate is None else f"{100 * rate:.1f}",
        "" if loss is None else f"{loss:.3f}",
        _count(sum(metrics.get("seconds", {}).values())),
    )


def _shares(title: str, counts: Mapping[str, int], styles: Mapping[str, str]) -> Table:
    total = sum(counts.values())
    table = Table(box=None, pad_edge=False, title=f"{title}: {total:,}", title_justify="left", title_style="bold")
    table.add_column(width=14)
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_column()
    table.show_header = False
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        bar = "━" * max(1, round(_BAR_CELLS * count / total))
        table.add_row(name, f"{count:,}", f"{100 * count / total:.1f} %", Text(bar, style=styles.get(name, "blue")))
    return table


def _support(status: Status) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.caption = "accepted rollouts, in percent: supported if the answer follows from what the code printed"
    table.caption_justify = "left"
    for name in ("iteration", "accepted", "supported", "unsupported", "no code"):
        table.add_column(name, justify="right", no_wrap=True)
    for counts in status.support:
        kinds = [counts[name] for name in ("supported", "unsupported", "no_code")]
        judged = sum(kinds)
        shares = [f"{100 * count / judged:.1f}" for count in kinds]
        table.add_row(str(counts["iteration"]), f"{judged:,}", *shares)
    return table


def _score(score: Mapping[str, Any] | None) -> str:
    return points(score["value"], score["standard_error"]) if score else "-"


def _figure(score: Mapping[str, Any]) -> Figure:
    return Figure(**{field.name: score[field.name] for field in fields(Figure)})


def _version(version: int | None) -> str:
    return "none yet" if version is None else f"v{version}"


def _count(value: float | None) -> str:
    return f"{value:,.0f}" if value else ""


def _ago(seconds: float) -> str:
    for size_s, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size_s:
            return f"{seconds / size_s:.0f} {name}"
    return f"{seconds:.0f} s"
