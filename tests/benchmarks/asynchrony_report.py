"""The results of the benchmark of the lead, and their tables."""

import json
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOKEN_SHARES = (0.25, 0.5, 0.75, 1.0)
TARGET_SHARE = 0.9  # of the gain of the synchronous run: near its end, curves are flat and times are chance


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

    @property
    def gain_target(self) -> float:
        """The pass@1 at `TARGET_SHARE` of this run's gain over the warm start; its end is the mean of three."""
        first, last = self.curve[0].pass_at_1, statistics.fmean(point.pass_at_1 for point in self.curve[-3:])
        return first + TARGET_SHARE * (last - first)

    def seconds_to(self, pass_at_1: float) -> float | None:
        """When the first policy that is this good was published; None: none was."""
        return next((point.at_s for point in self.curve if point.pass_at_1 >= pass_at_1), None)

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
    tables = [_speed(runs, leads), _accuracy(runs, leads), _lags(runs, leads)]
    return "\n\n".join([", ".join(f"{name} {value}" for name, value in plan.items()), *tables])


def _speed(runs: Sequence[Run], leads: Sequence[int]) -> str:
    """Medians over the seeds, and of the ratios within a seed."""
    synchronous = {run.seed: run for run in runs if run.lead == 0}
    rows = []
    for lead in leads:
        of_lead = [run for run in runs if run.lead == lead]
        pairs = [(run, synchronous[run.seed]) for run in of_lead if run.seed in synchronous]
        times = [run.seconds_to(other.gain_target) for run, other in pairs]
        own = [other.seconds_to(other.gain_target) for _, other in pairs]
        speedups = [before / after for before, after in zip(own, times, strict=True) if before and after]
        missed = sum(time is None for time in times)
        reached = _median([time for time in times if time is not None], "{:.0f}")
        rows.append(
            f"| {lead} | {len(of_lead)} | {_median([run.per_hour for run in of_lead], '{:.0f}')} "
            f"| {_median([run.per_hour / other.per_hour for run, other in pairs], '{:.2f}')} "
            f"| {reached}{f' ({missed} never)' if missed else ''} | {_median(speedups, '{:.2f}')} |"
        )
    head = "| lead | seeds | iterations an hour | times lead 0 | seconds to the same pass@1 | times as fast |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


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
