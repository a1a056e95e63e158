"""The results of the benchmark of the lead, and their tables."""

import json
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

TOKEN_SHARES = (0.25, 0.5, 0.75, 1.0)
TARGET_SHARES = (0.5, 0.75, 0.9)  # of the gain of the synchronous runs: near their end, curves are flat
_LAST = 3  # iterations whose mean is the end of a curve


@dataclass(frozen=True, slots=True)
class Point:
    """The policy of an iteration (0: the warm start): when it was published, after how many sampled tokens, its pass@1.

    `at_s` counts from the opening of the first iteration, `tokens` those of all iterations up to this one; `pass_at_1`
    is greedy, on the held-out problems, in points.
    """

    iteration: int
    at_s: float
    tokens: int
    pass_at_1: float


@dataclass(frozen=True, slots=True)
class Run:
    """One run: a seed at a lead. `plan` is its size.

    `lag_tokens` are the sampled tokens by the lag of their rollout, `trained_lag_tokens` those that were trained on, in
    all iterations together, by the lag at the time: rollouts of earlier iterations are trained on again.
    """

    seed: int
    lead: int
    plan: dict[str, Any]
    seconds: float
    per_hour: float
    curve: list[Point]
    lag_tokens: dict[str, int]
    trained_lag_tokens: dict[str, int]

    def pass_at_1_after(self, tokens: float) -> float:
        """The pass@1 of the last policy that was trained within this many sampled tokens."""
        return [point.pass_at_1 for point in self.curve if point.tokens <= tokens][-1]


def read_runs(file: Path) -> list[Run]:
    """The runs of a file of results; none if there is no file."""
    if not file.exists():
        return []
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [Run(**(row | {"curve": [Point(**point) for point in row["curve"]]})) for row in rows]


def render(runs: Sequence[Run]) -> str:
    """The tables as Markdown: a block for each size of run that is in the results."""
    plans = list({json.dumps(run.plan): run.plan for run in runs}.values())
    return "\n\n".join(_render([run for run in runs if run.plan == plan], plan) for plan in plans)


def _render(runs: Sequence[Run], plan: dict[str, Any]) -> str:
    leads = sorted({run.lead for run in runs})
    tables = [_speed(runs, leads), _times(runs, leads), _accuracy(runs, leads), _lags(runs, leads)]
    return "\n\n".join([", ".join(f"{name} {value}" for name, value in plan.items()), *tables])


def _speed(runs: Sequence[Run], leads: Sequence[int]) -> str:
    """Iterations an hour: the median over the seeds, and of the ratios within a seed."""
    synchronous = {run.seed: run for run in runs if run.lead == 0}
    rows = []
    for lead in leads:
        of_lead = [run for run in runs if run.lead == lead]
        ratios = [run.per_hour / synchronous[run.seed].per_hour for run in of_lead if run.seed in synchronous]
        hourly = _median([run.per_hour for run in of_lead], "{:.0f}")
        rows.append(f"| {lead} | {len(of_lead)} | {hourly} | {_median(ratios, '{:.2f}')} |")
    return "\n".join(["| lead | seeds | iterations an hour | times lead 0 |", "|---|---|---|---|", *rows])


def _times(runs: Sequence[Run], leads: Sequence[int]) -> str:
    """When the mean curve of a lead reaches shares of what the synchronous runs gain, and how much sooner that is."""
    curves = {lead: mean_curve([run for run in runs if run.lead == lead]) for lead in leads}
    if not curves.get(0):
        return "No run with lead 0 to compare with."
    targets = _targets([pass_at_1 for _, pass_at_1 in curves[0]])
    rows = []
    for lead in leads:
        cells = []
        for target in targets:
            reached, synchronous = seconds_to(curves[lead], target), seconds_to(curves[0], target)
            ratio = f" ({synchronous / reached:.2f})" if reached and synchronous else ""
            cells.append(f"{reached:.0f}{ratio}" if reached is not None else "never")
        rows.append(f"| {lead} | {' | '.join(cells)} |")
    head = " | ".join(
        f"s to {target:.1f} ({100 * share:.0f} % of the gain)"
        for share, target in zip(TARGET_SHARES, targets, strict=True)
    )
    return "\n".join([f"| lead | {head} |", "|---" * (len(targets) + 1) + "|", *rows])


def mean_curve(runs: Sequence[Run]) -> list[tuple[float, float]]:
    """The mean over the seeds, by iteration: (seconds, pass@1)."""
    by_iteration = zip(*(run.curve for run in runs), strict=False)
    return [
        (statistics.fmean(p.at_s for p in points), statistics.fmean(p.pass_at_1 for p in points))
        for points in by_iteration
    ]


def seconds_to(curve: Sequence[tuple[float, float]], pass_at_1: float) -> float | None:
    """When a curve first reaches a level, between its points on a straight line; None: never."""
    if curve and curve[0][1] >= pass_at_1:
        return curve[0][0]
    for (before_s, before), (after_s, after) in pairwise(curve):
        if before < pass_at_1 <= after:
            return before_s + (after_s - before_s) * (pass_at_1 - before) / (after - before)
    return None


def _targets(synchronous: Sequence[float]) -> list[float]:
    first, last = synchronous[0], statistics.fmean(synchronous[-_LAST:])
    return [first + share * (last - first) for share in TARGET_SHARES]


def _accuracy(runs: Sequence[Run], leads: Sequence[int]) -> str:
    """Mean held-out pass@1 over the seeds, after the same tokens for all leads of a seed."""
    tokens = {seed: min(run.curve[-1].tokens for run in runs if run.seed == seed) for seed in {r.seed for r in runs}}
    rows = []
    for lead in leads:
        of_lead = [run for run in runs if run.lead == lead]
        values = [
            f"{statistics.fmean(run.pass_at_1_after(share * tokens[run.seed]) for run in of_lead):.1f}"
            for share in (0.0, *TOKEN_SHARES)
        ]
        rows.append(f"| {lead} | {' | '.join(values)} |")
    head = " | ".join(f"{100 * share:.0f} % of the tokens" for share in TOKEN_SHARES)
    return "\n".join([f"| lead | warm start | {head} |", "|---" * (len(TOKEN_SHARES) + 2) + "|", *rows])


def _lags(runs: Sequence[Run], leads: Sequence[int]) -> str:
    """Shares of tokens by lag, in percent: of what was sampled, and of what was trained on."""
    rows = []
    for lead in leads:
        of_lead = [run for run in runs if run.lead == lead]
        sampled, trained = _shares(of_lead, lambda run: run.lag_tokens), _shares(of_lead, _trained)
        rows.append(f"| {lead} | {sampled} | {trained} |")
    head = "| lead | sampled tokens by lag, % | trained tokens by lag, % |"
    return "\n".join([head, "|---|---|---|", *rows])


def _trained(run: Run) -> dict[str, int]:
    return run.trained_lag_tokens


def _shares(runs: Sequence[Run], tokens: Callable[[Run], dict[str, int]]) -> str:
    counts = sum((Counter(tokens(run)) for run in runs), Counter[str]())
    total = sum(counts.values())
    return ", ".join(f"{lag}: {100 * counts[lag] / total:.1f}" for lag in sorted(counts, key=int)) or "-"


def _median(values: Sequence[float], form: str) -> str:
    return form.format(statistics.median(values)) if values else "-"
