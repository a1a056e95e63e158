"""The page of a rollout: the problem, one attempt or two side by side, and the other attempts at the problem."""

from eval.browser.blocks import Block, blocks_of
from eval.browser.labels import outcome_pill, seconds_text, time_text
from eval.browser.listing import facts_of
from eval.browser.query import listing_url, problem_url, rollout_url
from eval.browser.records import Attempt, RolloutView
from eval.browser.tokens import legend_html, tokens_html
from eval.report.markup import escape, shorten
from store.records import Outcome, Problem, RolloutSummary, SegmentKind

_MOST_CHARS = 100_000
_ANSWER_CHARS = 2_000
_VERDICTS = {
    Outcome.ACCEPTED: "equal to the reference answer",
    Outcome.WRONG: "different from the reference answer",
    Outcome.UNDECIDED: "the comparison with the reference answer reached no verdict",
    Outcome.UNVERIFIABLE: "the reference answer cannot be read",
}


def rollout_content(view: RolloutView) -> str:
    """The content of the page."""
    is_pair = len(view.attempts) > 1
    style = "attempts pair" if is_pair else "attempts"
    attempts = "".join(_attempt(attempt, view, is_pair=is_pair) for attempt in view.attempts)
    has_colours = any(attempt.pieces and attempt.rollout.logprobs is not None for attempt in view.attempts)
    has_versions = any(_has_versions(attempt) for attempt in view.attempts)
    return (
        f"{_ways(view)}<h1>{'Two attempts' if is_pair else 'Rollout'} "
        f'<span class="soft">{" and ".join(escape(attempt.rollout.id) for attempt in view.attempts)}</span></h1>'
        f"{problem_card(view.problem)}"
        f"{legend_html(has_versions=has_versions) if has_colours else ''}"
        f'<div class="{style}">{attempts}</div>{_others(view)}'
    )


def problem_card(problem: Problem, *, with_link: bool = True) -> str:
    """The question, the accepted answers, and where the problem comes from."""
    expected = shorten(" or ".join(problem.accepted_answers), _ANSWER_CHARS)
    facts = [problem.source, problem.split.value, *(one for one in (problem.subject, problem.level) if one)]
    name = escape(problem.id)
    link = f'<a href="{problem_url(problem.id)}">{name}</a>' if with_link else name
    return (
        '<section class="card problem" aria-label="Problem">'
        f'<div class="question">{escape(shorten(problem.question, _MOST_CHARS))}</div>'
        f'<div class="answers">reference answer <b>{escape(expected)}</b></div>'
        f'<div class="soft small">problem {link} · {escape(" · ".join(facts))}</div></section>'
    )


def _ways(view: RolloutView) -> str:
    """The way back to the list, and to the rollouts beside this one in it."""
    links = [f'<a class="button plain" href="{escape(listing_url(view.wanted))}">List</a>']
    for rel, name, rollout_id in (("prev", "← Newer", view.newer), ("next", "Older →", view.older)):
        if rollout_id is not None:
            url = escape(rollout_url(rollout_id, view.wanted))
            links.append(f'<a class="button plain" rel="{rel}" href="{url}">{name}</a>')
    return f'<nav class="ways" aria-label="Rollouts">{"".join(links)}</nav>'


# ---------------------------------------------------------------- an attempt


def _attempt(attempt: Attempt, view: RolloutView, *, is_pair: bool) -> str:
    alone = f'<a href="{escape(rollout_url(attempt.rollout.id))}">{escape(attempt.rollout.id)}</a>' if is_pair else ""
    note = f'<p class="soft small">No colours: {escape(attempt.no_pieces)}.</p>' if attempt.no_pieces else ""
    blocks = "".join(_block(block, mark_versions=_has_versions(attempt)) for block in blocks_of(attempt))
    text = blocks or '<p class="soft">It has no text.</p>'
    reading = (
        ' tabindex="0" role="group" aria-label="Tokens: arrow keys show their numbers" data-tokens'
        if attempt.pieces
        else ""
    )
    return (
        f'<article class="card attempt"><header><h2>{escape(attempt.author)}</h2>{alone}'
        f"{outcome_pill(attempt.rollout.outcome)}</header>{_answer(attempt, view.problem)}{note}"
        f'<div class="text"{reading}>{text}</div>{_details(attempt)}</article>'
    )


def _answer(attempt: Attempt, problem: Problem) -> str:
    rollout = attempt.rollout
    answered = "nothing" if rollout.answer is None else shorten(rollout.answer, _ANSWER_CHARS)
    verdict = _VERDICTS.get(rollout.outcome)
    if rollout.fault is not None:
        verdict = f"the {rollout.fault.value} failed"
    elif verdict is None and rollout.answer is None:
        verdict = f"the reference answer is {shorten(' or '.join(problem.accepted_answers), _ANSWER_CHARS)}"
    return f'<p class="answers">answered <b>{escape(answered)}</b>{f": {escape(verdict)}" if verdict else ""}</p>'


def _block(block: Block, *, mark_versions: bool) -> str:
    match block.kind:
        case SegmentKind.CODE:
            code = f"<pre><code>{_text(block, mark_versions)}</code></pre>"
            return f'<div class="code"><div class="part">Python</div>{code}</div>'
        case SegmentKind.OUTPUT:
            text = _text(block, mark_versions)
            shown = f"<pre><samp>{text}</samp></pre>" if text.strip() else '<p class="soft small">no output</p>'
            return f'<div class="output"><div class="part">{_execution(block)}</div>{shown}</div>'
        case _:
            return f'<div class="prose">{_text(block, mark_versions)}</div>'


def _text(block: Block, mark_versions: bool) -> str:
    if block.pieces:
        return tokens_html(block.pieces, mark_versions=mark_versions)
    return escape(shorten(block.text.strip("\n"), _MOST_CHARS))


def _execution(block: Block) -> str:
    run = block.execution
    if run is None:
        return "Interpreter"
    style = "soft" if run.status == "ok" else "bad"
    status = f'<span class="{style}">{escape(run.status)}</span>'
    return f'Interpreter <span class="run-facts">· {status} · {seconds_text(run.seconds)}</span>'


def _has_versions(attempt: Attempt) -> bool:
    return len({span.version for span in attempt.rollout.spans}) > 1


def _details(attempt: Attempt) -> str:
    rows = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in _facts(attempt))
    return f"<h3>How it was made</h3><dl>{rows}</dl>"


def _facts(attempt: Attempt) -> list[tuple[str, str]]:
    rollout, summary = attempt.rollout, attempt.summary
    parts = {"engine": rollout.generate_s, "sandbox": rollout.execute_s, "checker": rollout.check_s}
    known = ", ".join(f"{name} {seconds_text(seconds)}" for name, seconds in parts.items() if seconds is not None)
    facts = [
        ("tokens", f"{len(rollout.prompt_ids):,} of the prompt, {len(rollout.token_ids):,} after it"),
        ("seconds", f"{seconds_text(rollout.seconds)}{f' ({known})' if known else ''}"),
        ("policies" if _has_versions(attempt) else "policy", _spans(attempt)),
        ("purpose", rollout.purpose.value),
        ("iteration", "" if summary.iteration is None else str(summary.iteration)),
        ("lag", "" if rollout.lag is None else f"{rollout.lag} iterations"),
        ("support", "" if rollout.support is None else rollout.support.value.replace("_", " ")),
        ("sampling", _sampling(attempt)),
        ("solution format", rollout.solution_format),
        ("engine", rollout.engine_build or ""),
        ("written", time_text(summary.written_at)),
    ]
    return [(name, value) for name, value in facts if value]


def _spans(attempt: Attempt) -> str:
    if not _has_versions(attempt):
        return "".join(f"v{version}" for version in {span.version for span in attempt.rollout.spans})
    return "; ".join(f"v{span.version} from token {span.start} to {span.end}" for span in attempt.rollout.spans)


def _sampling(attempt: Attempt) -> str:
    rollout = attempt.rollout
    values = {"temperature": rollout.temperature, "top-p": rollout.top_p, "seed": rollout.seed}
    return ", ".join(f"{name} {value:g}" for name, value in values.items() if value is not None)


# ---------------------------------------------------------------- other attempts


def _others(view: RolloutView) -> str:
    if not view.others:
        return ""
    rows = "".join(_other(one, view) for one in view.others)
    return (
        f'<h2>Other attempts at this problem</h2><ol class="rows compact">{rows}</ol>'
        f'<p><a href="{problem_url(view.problem.id)}">All attempts at this problem</a></p>'
    )


def _other(one: RolloutSummary, view: RolloutView) -> str:
    beside = escape(rollout_url(view.attempts[0].rollout.id, view.wanted, compared=one.id))
    author = escape(view.choices.author(one.policy_version))
    return (
        f'<li class="row"><a class="main" href="{escape(rollout_url(one.id))}">{author}</a>{outcome_pill(one.outcome)}'
        f'<span class="facts">{facts_of(one)}</span>'
        f'<a class="beside" href="{beside}">Side by side<span class="hidden"> with {escape(one.id)}</span></a></li>'
    )
