"""A run's report: one HTML page that needs nothing else, from plain figures and a few solutions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import hypot

from eval.charts import Point, Series, line_chart, stacked_chart
from eval.markup import escape, shortened
from eval.metrics import standard_error
from eval.style import CSS
from store.records import Outcome, Problem, Rollout, Segment, SegmentKind

_PART_CHARS = 4000
_OUTCOMES = (
    (Outcome.ACCEPTED, "accepted", "green"),
    (Outcome.WRONG, "wrong", "red"),
    (Outcome.NO_ANSWER, "no answer", "amber"),
    (Outcome.UNVERIFIABLE, "unverifiable", "violet"),
    (Outcome.TRUNCATED, "cut off", "blue"),
    (Outcome.FAULT, "our fault", "grey"),
)
_PHASES = (
    ("sample", "sampling", "blue"),
    ("learn", "learning", "orange"),
    ("publish", "publishing", "violet"),
    ("swap", "swapping weights", "pink"),
    ("measure", "measuring", "green"),
)
_OTHER_PHASES = ("other", "grey")


@dataclass(frozen=True, slots=True)
class PolicyScore:
    """A published policy. `score`: its greedy pass@1 on `n` held-out problems; None: it was not measured.

    `label` is where it came from: "base", "warm start" or its iteration. `further`: its other figures by name.
    """

    version: int
    label: str
    score: float | None
    n: int
    was_promoted: bool
    served: bool
    further: Mapping[str, float] = field(default_factory=dict)

    @property
    def error(self) -> float:
        """The standard error of the score."""
        return 0.0 if self.score is None else standard_error(self.score, self.n)


@dataclass(frozen=True, slots=True)
class IterationFigures:
    """What a closed iteration came to; `made` is the version that it published."""

    number: int
    made: int | None
    outcomes: Mapping[str, int]
    blocks: int = 0
    tokens_per_s: float | None = None
    loss: float | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def rollouts(self) -> int:
        """Training rollouts, whatever became of them."""
        return sum(self.outcomes.values())

    @property
    def accepted(self) -> int:
        """Those whose answer was right."""
        return self.outcomes.get(Outcome.ACCEPTED.value, 0)

    @property
    def acceptance(self) -> float:
        """Accepted ones per rollout, in percent."""
        return 100 * self.accepted / self.rollouts if self.rollouts else 0.0


@dataclass(frozen=True, slots=True)
class Solution:
    """One attempt to read. `by`: the policy that made it, such as "v2 (iteration 1)"."""

    problem: Problem
    rollout: Rollout
    by: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that a report tells. `about` is a sentence or two on what the run is; `facts` are figures with their names.

    `start` is the policy that self-training began with. `then_and_now` are pairs of attempts at the same problem.
    """

    name: str
    about: str
    state: str
    written: str
    start: int | None
    facts: Sequence[tuple[str, str]]
    policies: Sequence[PolicyScore]
    iterations: Sequence[IterationFigures]
    then_and_now: Sequence[tuple[Solution, Solution]]
    solutions: Sequence[Solution]
    configuration: str


def render(report: Report) -> str:
    """The page. Whatever comes from a model, a data set or a file is escaped, and the page may load and run nothing."""
    body = [
        f"<header><h1>{escape(report.name)}</h1><p>{escape(report.about)}</p></header>",
        _headline(report),
        _tiles(report.facts),
        _charts(report),
        _table(report),
        _then_and_now(report.then_and_now),
        _solutions(report.solutions),
        "<h2>Configuration</h2><details><summary>Every setting of this run</summary>"
        f"<pre>{escape(report.configuration)}</pre></details>",
        f'<footer class="soft small">Written by Automathes on {escape(report.written)}; the run was '
        f"{escape(report.state)}.</footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(report.name)} - Automathes</title><style>{CSS}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


# ---------------------------------------------------------------- figures


def _headline(report: Report) -> str:
    served = next((p for p in report.policies if p.served), None)
    start = next((p for p in report.policies if p.version == report.start), None)
    if served is None or served.score is None:
        return '<p class="card">No policy has been measured yet.</p>'
    note = f"Greedy pass@1 on {served.n:,} held-out problems that were never trained on; ± is one standard error."
    if start is None or start.score is None or start.version == served.version:
        return (
            f'<div class="headline"><span class="scores">{_percent(served)}</span><span class="soft">'
            f'{escape(served.label)}, the policy that is served</span></div><p class="soft small">{note}</p>'
        )
    gain, error = 100 * (served.score - start.score), 100 * hypot(start.error, served.error)
    direction = "gain" if gain >= 0 else "gain down"
    if sum(policy.was_promoted for policy in report.policies) > 1:
        note += " Promotion looks at the same problems, which flatters the best of several policies a little."
    return (
        f'<div class="headline"><span class="scores"><span class="from">{_percent(start)} →</span> {_percent(served)}'
        f'</span><span class="{direction}">{gain:+.1f} ± {error:.1f} points</span></div>'
        f"<p>{escape(start.label.capitalize())} ({100 * start.score:.1f} ± {100 * start.error:.1f}) to "
        f"{escape(served.label)}, policy v{served.version}, which is served "
        f'({100 * served.score:.1f} ± {100 * served.error:.1f}).</p><p class="soft small">{note}</p>'
    )


def _tiles(facts: Sequence[tuple[str, str]]) -> str:
    tiles = (f'<div class="card small"><b>{escape(value)}</b>{escape(name)}</div>' for name, value in facts)
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _charts(report: Report) -> str:
    measured = [policy for policy in report.policies if policy.score is not None]
    sampled = [iteration for iteration in report.iterations if iteration.rollouts]
    timed = [iteration for iteration in report.iterations if iteration.seconds]
    charts = []
    if measured:
        charts.append(_scores_chart(measured))
    if sampled:
        charts += [_acceptance_chart(sampled), _outcomes_chart(sampled)]
    if timed:
        charts.append(_seconds_chart(timed))
    return f'<h2>How it went</h2><div class="grid">{"".join(charts)}</div>' if charts else ""


def _scores_chart(policies: Sequence[PolicyScore]) -> str:
    points = [
        Point(
            f"v{p.version}",
            100 * (p.score or 0.0),
            100 * p.error,
            p.was_promoted,
            f"v{p.version}, {p.label}: {_percent(p)} ± {100 * p.error:.1f}",
        )
        for p in policies
    ]
    chart = line_chart(points, label="Held-out pass@1 by policy, in percent", unit="%", ceiling=100.0)
    legend = '<span><i class="ring full"></i>promoted</span><span><i class="ring"></i>not promoted</span>'
    return _figure("Held-out pass@1 by policy", chart, "Greedy, with one standard error up and down.", legend)


def _acceptance_chart(iterations: Sequence[IterationFigures]) -> str:
    points = [
        Point(str(i.number), i.acceptance, marked=True, title=f"iteration {i.number}: {i.accepted:,} of {i.rollouts:,}")
        for i in iterations
    ]
    chart = line_chart(points, label="Acceptance rate by iteration, in percent", unit="%", ceiling=100.0)
    return _figure("Acceptance rate by iteration", chart, "Sampled attempts at training problems that verified.")


def _outcomes_chart(iterations: Sequence[IterationFigures]) -> str:
    series = [
        Series(name, style, [100 * i.outcomes.get(outcome.value, 0) / i.rollouts for i in iterations])
        for outcome, name, style in _OUTCOMES
        if any(i.outcomes.get(outcome.value) for i in iterations)
    ]
    chart = stacked_chart(
        [str(i.number) for i in iterations], series, label="Outcomes by iteration, in percent", unit="%"
    )
    return _figure("Outcomes by iteration", chart, "Shares of the attempts at training problems.", _legend(series))


def _seconds_chart(iterations: Sequence[IterationFigures]) -> str:
    unit, short, size_s = _time_unit(max(sum(i.seconds.values()) for i in iterations))
    known = {phase for phase, _, _ in _PHASES}
    series = [
        Series(name, style, [i.seconds.get(phase, 0.0) / size_s for i in iterations]) for phase, name, style in _PHASES
    ]
    other = [sum(s for phase, s in i.seconds.items() if phase not in known) / size_s for i in iterations]
    series = [one for one in [*series, Series(*_OTHER_PHASES, other)] if any(one.values)]
    chart = stacked_chart([str(i.number) for i in iterations], series, label=f"Time by phase, in {unit}", unit=short)
    return _figure(
        "Time by phase and iteration", chart, f"Wall clock, in {unit}; the start is not counted.", _legend(series)
    )


def _figure(title: str, chart: str, caption: str, legend: str = "") -> str:
    return (
        f"<figure><h3>{escape(title)}</h3>{chart}{f'<div class=legend>{legend}</div>' if legend else ''}"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _legend(series: Sequence[Series]) -> str:
    return "".join(f'<span><i class="{one.style}"></i>{escape(one.name)}</span>' for one in series)


# ---------------------------------------------------------------- table


def _table(report: Report) -> str:
    made_by = {iteration.made: iteration for iteration in report.iterations}
    extra = sorted({name for policy in report.policies for name in policy.further})
    heads = [
        "policy",
        "from",
        "pass@1",
        *extra,
        "rollouts",
        "accepted",
        "rate",
        "blocks run",
        "tokens/s",
        "loss",
        "time",
    ]
    rows = [_row(policy, made_by.get(policy.version), extra) for policy in report.policies]
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    return (
        '<h2>Policies and the iterations that made them</h2><p class="soft small">Rollouts stand in the row of the '
        "policy that was trained on them. Bold: the policy that is served.</p>"
        f'<div class="card scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _row(policy: PolicyScore, iteration: IterationFigures | None, extra: Sequence[str]) -> str:
    score = "-" if policy.score is None else f"{100 * policy.score:.1f} ± {100 * policy.error:.1f}"
    cells = [f"v{policy.version}", policy.label, score]
    cells += [f"{100 * policy.further[name]:.1f}" if name in policy.further else "" for name in extra]
    cells += _iteration_cells(iteration) if iteration else [""] * 7
    style = ' class="served"' if policy.served else ""
    return f"<tr{style}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _iteration_cells(iteration: IterationFigures) -> list[str]:
    sampled = iteration.rollouts > 0
    return [
        f"{iteration.rollouts:,}" if sampled else "",
        f"{iteration.accepted:,}" if sampled else "",
        f"{iteration.acceptance:.1f} %" if sampled else "",
        f"{iteration.blocks:,}" if iteration.blocks else "",
        f"{iteration.tokens_per_s:,.0f}" if iteration.tokens_per_s else "",
        f"{iteration.loss:.3f}" if iteration.loss is not None else "",
        _duration(sum(iteration.seconds.values())),
    ]


# ---------------------------------------------------------------- solutions


def _then_and_now(pairs: Sequence[tuple[Solution, Solution]]) -> str:
    if not pairs:
        return ""
    cards = "".join(_card(solution) for pair in pairs for solution in pair)
    return (
        '<h2>Then and now</h2><p class="soft small">Held-out problems that the first policy got wrong and the served '
        "one gets right, chosen for that; the opposite happens too.</p>"
        f'<div class="grid">{cards}</div>'
    )


def _solutions(solutions: Sequence[Solution]) -> str:
    if not solutions:
        return ""
    return (
        '<h2>Solutions to read</h2><p class="soft small">Attempts as the policy wrote them, with what the interpreter '
        f'answered.</p><div class="grid">{"".join(_card(solution) for solution in solutions)}</div>'
    )


def _card(solution: Solution) -> str:
    problem, rollout = solution.problem, solution.rollout
    name = next(name for outcome, name, _ in _OUTCOMES if outcome is rollout.outcome)
    given = "nothing" if rollout.answer is None else shortened(rollout.answer, 200)
    expected = shortened(" or ".join(problem.accepted_answers), 200)
    parts = "".join(_part(segment) for segment in rollout.segments if segment.kind is not SegmentKind.ANSWER)
    return (
        '<article class="card solution">'
        f'<header><span class="soft small">{escape(solution.by)}</span>'
        f'<span class="pill {rollout.outcome.value}">{escape(name)}</span></header>'
        f'<div class="question">{escape(shortened(problem.question, _PART_CHARS))}</div>{parts}'
        f'<div class="answers">answered <b>{escape(given)}</b>, expected <b>{escape(expected)}</b>'
        "</div></article>"
    )


def _part(segment: Segment) -> str:
    text = escape(shortened(segment.text.strip("\n"), _PART_CHARS))
    if not text.strip():
        return ""
    match segment.kind:
        case SegmentKind.CODE:
            return f'<div class="code"><div class="part">Python</div><pre><code>{text}</code></pre></div>'
        case SegmentKind.OUTPUT:
            return f'<div class="output"><div class="part">Interpreter</div><pre><samp>{text}</samp></pre></div>'
        case _:
            return f'<div class="prose">{text}</div>'


# ---------------------------------------------------------------- numbers


def _percent(policy: PolicyScore) -> str:
    return f"{100 * (policy.score or 0.0):.1f} %"


def _time_unit(longest_s: float) -> tuple[str, str, float]:
    """(its name, its sign, its length in seconds)."""
    if longest_s >= 2 * 3600:
        return "hours", "h", 3600.0
    return ("minutes", "min", 60.0) if longest_s >= 300 else ("seconds", "s", 1.0)


def _duration(seconds: float) -> str:
    if seconds <= 0:
        return ""
    _, sign, size_s = _time_unit(seconds)
    return f"{seconds / size_s:.{0 if sign == 's' else 1}f} {sign}"
