"""The page of rollouts: the form to filter by, what matches, and the ways on."""

from collections.abc import Iterable, Mapping

from eval.browser.labels import OUTCOME_NAMES, outcome_pill, seconds_text, time_text
from eval.browser.query import listing_url, parameters_of, rollout_url
from eval.browser.records import Choices, Listing
from eval.report.markup import escape
from store.records import Outcome, Purpose, RolloutFilter, RolloutSummary, Split

_ALWAYS_SHOWN = ("text", "outcome", "policy")


def listing_content(listing: Listing) -> str:
    """The content of the page."""
    return (
        f"<h1>Rollouts</h1>{_form(listing.wanted, listing.choices)}"
        f'<p class="soft small" id="count">{escape(_count_text(listing))}</p>'
        f"{_rows(listing)}{_searched(listing)}{_ways_on(listing)}"
    )


def summary_rows(rollouts: Iterable[RolloutSummary], choices: Choices, wanted: RolloutFilter | None = None) -> str:
    """Rollouts as a list of links, with their questions."""
    return f'<ol class="rows">{"".join(_row(one, choices, wanted) for one in rollouts)}</ol>'


def facts_of(one: RolloutSummary) -> str:
    """What a rollout answered, and what it took, as HTML."""
    answer = "no answer" if one.answer is None else f"answered <b>{escape(one.answer)}</b>"
    facts = [answer, f"{one.tokens:,} tokens", seconds_text(one.seconds), escape(one.purpose.value)]
    if one.iteration is not None:
        facts.append(f"iteration {one.iteration}")
    if one.fault is not None:
        facts.append(f"{escape(one.fault.value)} fault")
    return '<span class="sep">·</span>'.join(f"<span>{fact}</span>" for fact in facts)


# ---------------------------------------------------------------- form


def _form(wanted: RolloutFilter, choices: Choices) -> str:
    given = parameters_of(wanted)
    policies = {
        str(version): f"v{version}, {origin}" for version, origin in sorted(choices.origins.items(), reverse=True)
    }
    fields = {
        "text": _input("text", "Text in question or rollout", given, kind="search"),
        "outcome": _select("outcome", "Outcome", {one.value: OUTCOME_NAMES[one] for one in Outcome}, given),
        "policy": _select("policy", "Policy", policies, given),
        "iteration": _select("iteration", "Iteration", {str(one): str(one) for one in choices.iterations}, given),
        "purpose": _select("purpose", "Purpose", {one.value: one.value for one in Purpose}, given),
        "split": _select("split", "Split of the problem", {one.value: one.value for one in Split}, given),
        "source": _input("source", "Source of the problem", given, suggestions=choices.sources),
        "problem": _input("problem", "Id of the problem", given),
    }
    shown = "".join(field for name, field in fields.items() if name in _ALWAYS_SHOWN)
    more = "".join(field for name, field in fields.items() if name not in _ALWAYS_SHOWN)
    is_open = " open" if set(given) - set(_ALWAYS_SHOWN) else ""
    clear = '<a class="button plain" href="/rollouts">Clear</a>' if given else ""
    return (
        f'<form class="card filters" method="get" action="/rollouts" role="search"><div class="fields">{shown}</div>'
        f'<details{is_open}><summary>More filters</summary><div class="fields">{more}</div></details>'
        f'<div class="actions"><button>Filter</button>{clear}</div></form>'
    )


def _input(
    name: str, label: str, given: Mapping[str, str], *, kind: str = "text", suggestions: Iterable[str] = ()
) -> str:
    options = "".join(f'<option value="{escape(one)}">' for one in suggestions)
    listed = f'<datalist id="{name}-choices">{options}</datalist>' if options else ""
    refers = f' list="{name}-choices"' if options else ""
    return (
        f'<label class="field {name}">{escape(label)}<input type="{kind}" name="{name}" maxlength="300" '
        f'value="{escape(given.get(name, ""))}"{refers} autocomplete="off"></label>{listed}'
    )


def _select(name: str, label: str, choices: Mapping[str, str], given: Mapping[str, str]) -> str:
    chosen = given.get(name)
    if chosen is not None and chosen not in choices:
        choices = {chosen: chosen, **choices}  # of a link that was shared before it went away
    options = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'
        for value, text in choices.items()
    )
    return (
        f'<label class="field {name}">{escape(label)}<select name="{name}"><option value="">any</option>'
        f"{options}</select></label>"
    )


# ---------------------------------------------------------------- results


def _count_text(listing: Listing) -> str:
    count = listing.count
    if count is None:
        return "Newest first."
    if not count.is_exact:
        return f"More than {count.number:,} rollouts, newest first." if count.number else "Newest first."
    return f"{count.number:,} rollout{'' if count.number == 1 else 's'}, newest first."


def _rows(listing: Listing) -> str:
    if listing.page.rollouts:
        return summary_rows(listing.page.rollouts, listing.choices, listing.wanted)
    if listing.page.searched_to is not None:
        return ""
    return '<p class="card">No rollout matches.</p>'


def _row(one: RolloutSummary, choices: Choices, wanted: RolloutFilter | None) -> str:
    return (
        f'<li class="row"><a class="main" href="{escape(rollout_url(one.id, wanted))}">{escape(one.question)}</a>'
        f"{outcome_pill(one.outcome)}"
        f'<span class="by">{escape(choices.author(one.policy_version))}</span>'
        f'<span class="facts">{facts_of(one)}</span><time>{escape(time_text(one.written_at))}</time></li>'
    )


def _searched(listing: Listing) -> str:
    """How far a search came that ran out of time, with the way on."""
    page = listing.page
    if page.searched_to is None:
        return ""
    on = {"newer": page.newer} if listing.is_upwards else {"older": page.older}
    url = listing_url(listing.wanted, **{name: place for name, place in on.items() if place is not None})
    direction = "up" if listing.is_upwards else "back"
    return (
        f'<p class="card" role="status">Searched {direction} to {escape(time_text(page.searched_to))} and found '
        f'{len(page.rollouts)} for this page. <a class="on" href="{escape(url)}">Continue the search</a></p>'
    )


def _ways_on(listing: Listing) -> str:
    page, wanted = listing.page, listing.wanted
    links = []
    is_going_on = page.searched_to is not None  # then the link that continues the search is the way on
    if page.newer is not None:
        links.append(f'<a class="button plain" href="{escape(listing_url(wanted))}">Newest</a>')
    if page.newer is not None and not (is_going_on and listing.is_upwards):
        newer = escape(listing_url(wanted, newer=page.newer))
        links.append(f'<a class="button plain" rel="prev" href="{newer}">← Newer</a>')
    if page.older is not None and not (is_going_on and not listing.is_upwards):
        older = escape(listing_url(wanted, older=page.older))
        links.append(f'<a class="button plain" rel="next" href="{older}">Older →</a>')
    return f'<nav class="ways" aria-label="More rollouts">{"".join(links)}</nav>' if links else ""
