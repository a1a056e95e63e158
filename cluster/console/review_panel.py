"""Label reviews as `automathes review` shows them: the table, the panel with the evidence, and the prompt."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.prompt import Prompt
from rich.syntax import Syntax
from rich.text import Text

from cluster.console.tables.columns import format_label, percent, print_table, printable, printable_lines
from store.labels.reviews import RescoreResult, Review
from store.records import Rollout, SegmentKind


def print_reviews(reviews: Sequence[Review], counts: Mapping[str, int]) -> None:
    """Print a table of reviews, and how many there are by status."""
    console = Console()
    print_table(console, [_row(review) for review in reviews], widest="question")
    by_status = ", ".join(f"{count} {name}" for name, count in counts.items())
    console.print(Text(f"reviews: {by_status}. `automathes problems audit` looks for more", style="dim"))


def draw_review(review: Review, attempts: Sequence[Rollout]) -> RenderableType:
    """A review with its evidence and the programs of some attempts, as something that rich prints."""
    parts: list[RenderableType] = [
        Text(printable_lines(review.question)),
        Text("\n".join(_facts(review)), style="bold"),
    ]
    for rollout in attempts:
        parts += [Text(f"\nattempt {rollout.id}", style="dim"), *_program(rollout)]
    title = Text(f" review {review.id}: {printable(review.problem_id)} ", style="bold")
    return Panel(Group(*parts), title=title, title_align="left", box=box.ROUNDED)


def describe_decision(review: Review, rescored: RescoreResult | None) -> str:
    """A decided review in a sentence; `rescored` is None for a rejected one."""
    problem, label = printable(review.problem_id), format_label(review.label)
    if rescored is None:
        return f"review {review.id} rejected: the label of {problem} stays {label}"
    return (
        f"review {review.id} accepted: the label of {problem} is now {format_label(review.proposed_answer)} instead of "
        f"{label}. Of {rescored.rollouts} rollouts, {rescored.accepted} became correct and {rescored.rejected} wrong"
    )


def describe_proposal(review: Review) -> str:
    """What a review proposes, as a question."""
    return f"is {format_label(review.proposed_answer)} correct and {format_label(review.label)} wrong?"


def prompt_decision(console: Console, proposal: str) -> tuple[str, str]:
    """Prompt for (accept, reject, skip or quit; the reason). The end of the input means quit."""
    question = Text(f"{proposal} (a)ccept, (r)eject, (s)kip, (q)uit", style="bold")
    choices = {name[0]: name for name in ("accept", "reject", "skip", "quit")}
    try:
        choice = choices[Prompt.ask(question, choices=list(choices), default="s", console=console)]
        reason = ""
        while choice in ("accept", "reject") and not reason.strip():
            reason = Prompt.ask("reason", console=console)
    except EOFError:
        return "quit", ""
    return choice, reason


def _row(review: Review) -> dict[str, str]:
    return {
        "review": str(review.id),
        "problem": review.problem_id,
        "question": review.question,
        "label": format_label(review.label),
        "proposed": review.proposed_answer,
        "likely": percent(review.score),
        "status": review.status.value,
    }


def _facts(review: Review) -> list[str]:
    evidence = review.evidence
    facts = [
        f"label {format_label(review.label)}; proposed {format_label(review.proposed_answer)} "
        f"({percent(review.score)} likely)"
    ]
    if "teacher" in evidence:
        facts.append(
            f"{evidence['agreeing']} of {evidence['attempts']} attempts of the teacher "
            f"{printable(evidence['teacher'])} agree on it, and none reaches the label"
        )
    elif evidence:
        policies = ", ".join(f"v{version}" for version in evidence["policy_versions"]) or "no known version"
        answers = ", ".join(f"{printable(answer)} x{count}" for answer, count in evidence["answers"].items())
        facts += [
            f"{evidence['reached_by_code']} of {evidence['attempts']} attempts reach it by code, in "
            f"{evidence['programs']} different programs; {evidence['label_attempts']} reach the label",
            f"answers: {answers}; policies: {policies}",
        ]
    if review.decided_by is not None:
        facts.append(f"{review.status.value} by {printable(review.decided_by)}: {printable(review.reason or '')}")
    return facts


def _program(rollout: Rollout) -> list[RenderableType]:
    """The code of an attempt and its output, without the text."""
    parts: list[RenderableType] = []
    for segment in rollout.segments:
        if segment.kind is SegmentKind.CODE:
            parts.append(Syntax(printable_lines(segment.text.rstrip()), "python", theme="ansi_dark", word_wrap=True))
        elif segment.kind is SegmentKind.OUTPUT:
            parts.append(Text(f"→ {printable_lines(segment.text.rstrip())}", style="green"))
    return parts
