"""Collected completions as `automathes review --collected` shows them: the table, the panel, and the prompt."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.prompt import Prompt
from rich.text import Text

from cluster.console.tables.columns import print_table, printable, printable_lines
from store.records import CollectedAnswer, CollectedCompletion, ReviewStatus

_RATINGS: Mapping[int | None, str] = {1: "correct", -1: "wrong", None: "-"}


def print_collected(collected: Sequence[CollectedCompletion], counts: Mapping[str, int]) -> None:
    """Print a table of completions, and how many there are by status."""
    console = Console()
    print_table(console, [_row(one) for one in collected], widest="question")
    by_status = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    console.print(Text(f"completions: {by_status}. `automathes serve --collect` collects more", style="dim"))


def draw_collected(collected: CollectedCompletion) -> RenderableType:
    """A completion with its conversation, its answers and their ratings, as something that rich prints."""
    completion = collected.completion
    parts: list[RenderableType] = []
    for message in completion.messages:
        parts += [Text(printable(message["role"]), style="dim"), Text(printable_lines(message["content"]))]
    for choice, answer in enumerate(completion.answers):
        parts += [Text(f"\nchoice {choice}: {_facts(answer)}", style="bold"), Text(printable_lines(answer.content))]
    if collected.decided_by is not None:
        parts.append(Text(f"\n{describe_outcome(collected)}", style="bold"))
    title = Text(f" completion {collected.number} by {printable(completion.model)} ", style="bold")
    return Panel(Group(*parts), title=title, title_align="left", box=box.ROUNDED)


def describe_outcome(collected: CollectedCompletion) -> str:
    """What was decided on a completion, in a sentence."""
    reason, by = printable(collected.reason or ""), printable(collected.decided_by or "")
    if collected.status is ReviewStatus.ACCEPTED:
        return f"completion {collected.number} is now training problem {collected.problem_id} ({by}: {reason})"
    return f"completion {collected.number} rejected ({by}: {reason})"


def prompt_answer(console: Console, collected: CollectedCompletion) -> str | None:
    """Prompt for the right answer, which the ratings propose. None: the input has ended."""
    proposed = collected.completion.proposed_answer
    answer = ""
    try:
        while not answer.strip():
            if proposed is None:
                answer = Prompt.ask("right answer", console=console)
            else:
                answer = Prompt.ask("right answer", default=printable(proposed), console=console)
    except EOFError:
        return None
    return proposed if proposed is not None and answer == printable(proposed) else answer


def _row(collected: CollectedCompletion) -> dict[str, str]:
    answers = collected.completion.answers
    return {
        "number": str(collected.number),
        "question": collected.completion.question,
        "answer": " / ".join(answer.answer or "-" for answer in answers),
        "rated": " / ".join(_RATINGS[answer.rating] for answer in answers),
        "right answer": collected.completion.proposed_answer or "-",
        "status": collected.status.value,
    }


def _facts(answer: CollectedAnswer) -> str:
    version = "" if answer.policy_version is None else f" by version {answer.policy_version}"
    facts = [f"answer {printable(answer.answer or 'none')}{version}"]
    if answer.rating is not None:
        facts.append(f"rated {_RATINGS[answer.rating]}")
    if answer.right_answer:
        facts.append(f"said to be {printable(answer.right_answer)}")
    if answer.comment:
        facts.append(f"comment: {printable(answer.comment)}")
    return "; ".join(facts)
