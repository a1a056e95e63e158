"""The page of a problem: its question, and the attempts at it by policy."""

from collections import Counter
from collections.abc import Sequence

from eval.browser.labels import OUTCOME_NAMES, outcome_pill
from eval.browser.listing import facts_of
from eval.browser.query import listing_url, rollout_url
from eval.browser.records import ProblemView
from eval.browser.rollout_page import problem_card
from eval.report.markup import escape
from store.records import RolloutFilter, RolloutSummary


def problem_content(view: ProblemView) -> str:
    """The content of the page: the newest policy first, demonstrations last."""
    wanted = RolloutFilter(problem_id=view.problem.id)
    more = ""
    if view.has_more:
        more = (
            f'<p class="soft small">The newest {len(view.attempts)} attempts. '
            f'<a href="{escape(listing_url(wanted))}">All of them, as a list</a></p>'
        )
    groups = "".join(_group(version, attempts, view) for version, attempts in _by_policy(view.attempts).items())
    return (
        f'<h1>Problem <span class="soft">{escape(view.problem.id)}</span></h1>'
        f"{problem_card(view.problem, with_link=False)}{more}{groups or '<p>Nothing has attempted it yet.</p>'}"
    )


def _by_policy(attempts: Sequence[RolloutSummary]) -> dict[int | None, list[RolloutSummary]]:
    found: dict[int | None, list[RolloutSummary]] = {}
    for one in attempts:
        found.setdefault(one.policy_version, []).append(one)
    return dict(sorted(found.items(), key=lambda item: -1 if item[0] is None else item[0], reverse=True))


def _group(version: int | None, attempts: Sequence[RolloutSummary], view: ProblemView) -> str:
    counts = Counter(one.outcome for one in attempts)
    outcomes = ", ".join(f"{counts[outcome]} {name}" for outcome, name in OUTCOME_NAMES.items() if counts[outcome])
    rows = "".join(_row(one) for one in attempts)
    return (
        f'<h2>{escape(view.choices.author(version))}</h2><p class="soft small">{escape(outcomes)}</p>'
        f'<ol class="rows compact">{rows}</ol>'
    )


def _row(one: RolloutSummary) -> str:
    return (
        f'<li class="row"><a class="main" href="{escape(rollout_url(one.id))}">{escape(one.id)}</a>'
        f'{outcome_pill(one.outcome)}<span class="facts">{facts_of(one)}</span></li>'
    )
