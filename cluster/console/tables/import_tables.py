"""What an import of problems did or would do, as `automathes problems import` prints it."""

from collections.abc import Mapping, Sequence

from rich.console import Console

from cluster.console.output import print_line
from cluster.console.tables.columns import format_label, print_table, printable
from store.records import ImportReport, PreviewedProblem, Split

_MAX_LISTED = 5
_SPLITS = {Split.TRAIN: "train", Split.HELDOUT: "held out", Split.EXCLUDED: "excluded", Split.CANDIDATE: "candidate"}


def print_preview(first: Sequence[PreviewedProblem]) -> None:
    """Print the first problems as they would be stored; nothing if there are none."""
    rows = [
        {
            "split": "known" if one.known else _SPLITS[one.split],
            "id": one.problem.id,
            "question": one.problem.question,
            "answer": format_label(one.problem.answer),
            "subject": one.problem.subject or "",
            "level": one.problem.level or "",
        }
        for one in first
    ]
    shown = [name for name in rows[0] if any(row[name] for row in rows)] if rows else []
    print_table(Console(), [{name: row[name] for name in shown} for row in rows], widest="question")


def print_import(report: ImportReport, target: str, counts: Mapping[str, int], *, dry_run: bool = False) -> None:
    """Print what an import added, excluded and withdrew from training, or would with `dry_run`."""
    for layout in report.layouts:
        print_line(printable(layout))
    known = f"; {report.known} were there already" if report.known else ""
    now = f"The {target.partition(' ')[0]} now has"
    print_line(
        f"{report.added} problems {'would be ' if dry_run else ''}imported into {target}: {report.train} for training, "
        f"{report.heldout} held out{known}. {'Nothing was written: the' + now[3:] if dry_run else now} "
        f"{counts['train']} training and {counts['heldout']} held-out problems"
    )
    if report.left_out:
        listed = "" if dry_run else ": `automathes problems list --left-out` lists them"
        print_line(
            f"{report.left_out} excluded, because they equal or nearly equal a held-out problem{_twins(report.twins)}"
            f"{listed}"
        )
    if report.orphans:
        print_line(
            f"{report.orphans} left out, because the store does not have the questions that they were made of: "
            "import those first"
        )
    if report.withdrawn:
        learned = f" A policy has already been trained on {report.learned} of them." if report.learned else ""
        print_line(
            f"{report.withdrawn} training problems withdrawn: each equals or nearly equals a new held-out problem"
            f"{_twins(report.withdrawn_twins)}.{learned}"
        )
    if report.relatives:
        print_line(
            f"{report.relatives} of the excluded or withdrawn ones are relatives of these: one was made of the other, "
            "or both of a third (docs/augmentation.md)"
        )
    if report.twins or report.withdrawn_twins:
        print_line("--template-twins train keeps those with other numbers or names: generated problems need it")


def print_labels(report: ImportReport, unchecked: int) -> None:
    """Print the rows that an import skipped, by reason, and the labels that cannot be read."""
    _print_reasons(report, "left out: they have no usable label", no_answer=True)
    _print_reasons(report, "bad rows skipped", no_answer=False)
    if report.multiple_choice:
        print_line(
            f"{report.multiple_choice} problems have the letter of a choice as their label, which a guess may hit: "
            "--multiple-choice leave_out leaves them out"
        )
    if report.unreadable:
        print_line(f"{len(report.unreadable)} labels that the answer checker cannot read, which few answers can equal:")
        _print_some(report.unreadable)
    if unchecked:
        print_line(f"{unchecked} labels were not checked: the time was up, or this host cannot isolate the checker")


def print_next_step(url: str) -> None:
    """Print how to start a run with the problems of a store."""
    print_line(f"start a run with them: automathes run --preset smollm2 --set 'problems=[]' --set 'store.url={url}'")


def _print_reasons(report: ImportReport, title: str, *, no_answer: bool) -> None:
    reasons = [reason for reason in report.reasons if reason.no_answer is no_answer]
    if reasons:
        print_line(f"{report.count_skipped(no_answer=no_answer)} {title}:")
    for reason in reasons[:_MAX_LISTED]:
        more = ", ..." if reason.count > len(reason.examples) else ""
        where = f" ({', '.join(reason.examples)}{more})" if reason.count > 1 else ""
        which = f"{reason.count} rows" if reason.count > 1 else reason.examples[0]
        print_line(f"  {which}: {printable(reason.reason)}{where}")
    if len(reasons) > _MAX_LISTED:
        others = sum(reason.count for reason in reasons[_MAX_LISTED:])
        print_line(f"  {others} for other reasons: --json lists them")


def _print_some(lines: Sequence[str]) -> None:
    for line in lines[:_MAX_LISTED]:
        print_line(f"  {printable(line)}")
    if len(lines) > _MAX_LISTED:
        print_line(f"  and {len(lines) - _MAX_LISTED} more: --json lists all of them")


def _twins(count: int) -> str:
    return f" ({count} of them with other numbers or names)" if count else ""
