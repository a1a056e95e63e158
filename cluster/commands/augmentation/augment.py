"""`automathes augment`: make candidates out of training problems, or confirm those that attempts agree on."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice

from actors.augmentation.confirmation import confirm_candidates
from actors.augmentation.fobar import fobar
from actors.augmentation.rewriting.methods import METHODS
from cluster.commands.annotation.options import Target, find_target
from cluster.commands.answer_checks import open_answer_checks
from cluster.commands.augmentation.writing import Written, write_questions
from cluster.config.run_config import ConfigError
from cluster.console.output import print_json, print_line
from cluster.console.progress_bar import OnProgress, progress_bar
from cluster.console.tables.import_tables import print_preview
from store.records import ImportReport, Problem, Split
from store.store import Store

_SHOWN = 10


def augment(arguments: argparse.Namespace) -> int:
    """Make candidates out of a store's training problems, or confirm them with `--accept`.

    Raises:
        ConfigError: there is no such run, there is nothing to make candidates of, or an option is out of bounds.
        PromptError: the prompt cannot be used.
        TeacherError: the teacher cannot be used.
        StoreError: there is no such store, or another process is at work on the same job.
    """
    target = find_target(arguments)
    with Store.open(target.url, create=False) as store:
        if arguments.accept:
            return _confirm(store, target, arguments)
        return _make(store, arguments)


def _make(store: Store, arguments: argparse.Namespace) -> int:
    if not store.problems.count_up_to(1, Split.TRAIN):
        raise ConfigError("the store has no training problems: import some with `automathes problems import`")
    written = _write(store, arguments)
    with progress_bar("making questions") as on_progress:
        made = _by_rule(store, arguments, on_progress) if written is None else written.candidates(store)
        if arguments.dry_run:
            preview = store.problems.preview(made, _SHOWN)
            report, first = preview.report, preview.first
        else:
            report, first = store.problems.import_new(made, f"augment {arguments.method}"), ()
    counts = store.problems.counts()
    if arguments.json:
        shown = [asdict(one.problem) for one in first]
        by_teacher = {} if written is None else {"teacher": written.record(store)}
        shown_as = {"problems": counts, "first": shown, "dry_run": arguments.dry_run}
        print_json(_record(report) | shown_as | by_teacher)
    else:
        if written is not None:
            written.print(store)
        print_preview(first)
        _print_made(report, counts.get(Split.CANDIDATE, 0), dry_run=arguments.dry_run)
    return 1 if written is not None and written.progress.is_stopped else 0


def _write(store: Store, arguments: argparse.Namespace) -> Written | None:
    """Have a teacher write the questions, if the method needs one."""
    if arguments.method not in METHODS:
        if arguments.model is not None:
            others = " and ".join(METHODS)
            raise ConfigError(f"--model {arguments.model}: {arguments.method} asks no teacher, {others} do; omit it")
        return None
    if arguments.dry_run:
        raise ConfigError(
            f"--dry-run: the questions of {arguments.method} are a teacher's, which costs money; try --limit 5 instead"
        )
    return write_questions(store, arguments)


def _by_rule(store: Store, arguments: argparse.Namespace, on_progress: OnProgress) -> Iterator[Problem]:
    """The candidates out of the first so many original training problems."""
    training = store.problems.iterate(Split.TRAIN, source=arguments.source)
    originals = (problem for problem in training if problem.parent_key is None)
    for number, problem in enumerate(islice(originals, arguments.limit), 1):
        on_progress(number, arguments.limit)
        yield from fobar(problem, arguments.per_problem)


def _record(report: ImportReport) -> dict[str, int]:
    names = "known", "left_out", "twins", "relatives", "withdrawn"
    return {"made": report.read, "added": report.added} | {name: getattr(report, name) for name in names}


def _print_made(report: ImportReport, candidates: int, *, dry_run: bool) -> None:
    print_line(
        f"{report.added} candidates {'would be ' if dry_run else ''}added, {report.known} were there already; the "
        f"store has {candidates}"
    )
    if report.left_out:
        print_line(f"{report.left_out} left out: they or relatives of theirs equal or nearly equal a held-out problem")
    if report.withdrawn:
        print_line(f"{report.withdrawn} training problems withdrawn with them, as members of the same families")
    if candidates and not dry_run:
        print_line("confirm their answers: `automathes annotate --candidates ...`, then `automathes augment --accept`")


def _confirm(store: Store, target: Target, arguments: argparse.Namespace) -> int:
    with open_answer_checks(target.answer_checker) as checks, progress_bar("comparing answers") as on_progress:
        counts = confirm_candidates(store, arguments.agree, checks.equal, lambda done: on_progress(done, None))
    if arguments.json:
        print_json(counts | {"problems": store.problems.counts()})
        return 0
    print_line(
        f"{counts['confirmed']} candidates confirmed, which are trained on from now on; {counts['disputed']} disputed, "
        f"{counts['reviews']} of them newly under review; {counts['open']} without enough attempts that agree"
    )
    if counts["disputed"]:
        print_line("decide on the disputed ones with `automathes review`, then confirm again")
    return 0
