"""Attempts to read, each as a card with its problem, text, code, interpreter output and answer."""

from collections.abc import Sequence

from eval.report.markup import escape, shorten
from eval.report.records import Solution
from eval.report.style import OUTCOMES
from store.records import Segment, SegmentKind

_SEGMENT_CHARS = 4000
_ANSWER_CHARS = 200


def before_after_section(pairs: Sequence[tuple[Solution, Solution]]) -> str:
    """Pairs of attempts at the same problem; empty if there are none."""
    if not pairs:
        return ""
    cards = "".join(_card(solution) for pair in pairs for solution in pair)
    return (
        '<h2>Before and after</h2><p class="soft small">Held-out problems that the first policy got wrong and the '
        "served one gets right. They were chosen for that; the opposite happens too.</p>"
        f'<div class="grid">{cards}</div>'
    )


def solutions_section(solutions: Sequence[Solution]) -> str:
    """Single attempts; empty if there are none."""
    if not solutions:
        return ""
    return (
        '<h2>Sample solutions</h2><p class="soft small">Attempts as the policy wrote them, with the output of the '
        f'interpreter.</p><div class="grid">{"".join(_card(solution) for solution in solutions)}</div>'
    )


def _card(solution: Solution) -> str:
    problem, rollout = solution.problem, solution.rollout
    name = next(name for outcome, name, _ in OUTCOMES if outcome is rollout.outcome)
    answered = "nothing" if rollout.answer is None else shorten(rollout.answer, _ANSWER_CHARS)
    expected = shorten(" or ".join(problem.accepted_answers), _ANSWER_CHARS)
    segments = "".join(_segment(segment) for segment in rollout.segments if segment.kind is not SegmentKind.ANSWER)
    return (
        '<article class="card solution">'
        f'<header><span class="soft small">{escape(solution.author)}</span>'
        f'<span class="pill {rollout.outcome.value}">{escape(name)}</span></header>'
        f'<div class="question">{escape(shorten(problem.question, _SEGMENT_CHARS))}</div>{segments}'
        f'<div class="answers">answered <b>{escape(answered)}</b>, expected <b>{escape(expected)}</b>'
        "</div></article>"
    )


def _segment(segment: Segment) -> str:
    text = escape(shorten(segment.text.strip("\n"), _SEGMENT_CHARS))
    if not text.strip():
        return ""
    match segment.kind:
        case SegmentKind.CODE:
            return f'<div class="code"><div class="part">Python</div><pre><code>{text}</code></pre></div>'
        case SegmentKind.OUTPUT:
            return f'<div class="output"><div class="part">Interpreter</div><pre><samp>{text}</samp></pre></div>'
        case _:
            return f'<div class="prose">{text}</div>'
