"""`automathes annotate`: a teacher behind an API solves training problems; what verifies is kept."""

import argparse

from actors.annotation.demonstrations import write_demonstrations
from actors.annotation.job import JobOrder
from actors.annotation.pages import Selection
from actors.annotation.solving import solving
from cluster.commands.annotation.options import find_target, make_order
from cluster.commands.annotation.records import start_record, summary_record
from cluster.commands.annotation.report import report
from cluster.commands.annotation.running import run_until_stopped
from cluster.config.run_config import ConfigError
from cluster.console.annotation_progress import annotation_progress
from cluster.console.output import print_json, print_line
from cluster.console.tables.annotation_tables import print_result
from store.records import Split
from store.store import Store

_NOTHING = {
    Split.TRAIN: "the store has no training problems: import some with `automathes problems import`",
    Split.CANDIDATE: "the store has no candidates: make some with `automathes augment --method fobar`",
}


def annotate(arguments: argparse.Namespace) -> int:
    """Annotate the training problems of a store, or continue to; or report what was annotated.

    The first Ctrl-C ends it once what is under way is answered, which has been paid for; a second one at once.

    Raises:
        ConfigError: there is no such run, an option is out of bounds, or there are no problems.
        PromptError: the prompt or the examples cannot be used.
        TeacherError: the teacher cannot be used.
        StoreError: there is no such store, or another process is at work on the same job.
    """
    target = find_target(arguments)
    if arguments.report:
        return report(arguments, target)
    order = make_order(arguments, target.solution_format)
    split = Split.CANDIDATE if arguments.candidates else Split.TRAIN
    selection = Selection(arguments.limit, arguments.source, split)
    task = solving(order.settings, order.prompt, selection, target.sandbox, target.answer_checker)
    if arguments.out is not None and not arguments.out.absolute().parent.is_dir():
        raise ConfigError(f"--out {arguments.out}: there is no such folder")
    with Store.open(target.url, create=False) as store:
        if not store.problems.count_up_to(1, split):
            raise ConfigError(_NOTHING[split])
        with annotation_progress(order.limits) as on_progress:
            job, progress = run_until_stopped(store, order, task, on_progress)
        summary = next(one for one in store.annotations.summaries() if one.job.id == job.id)
        written = _write(store, arguments, order)
    if arguments.json:
        print_json(summary_record(summary) | {"this_start": start_record(progress)} | written)
    else:
        print_result(summary, progress)
        for name, number in written.items():
            print_line(f"{name.replace('_', ' ')}: {number}")
    return 1 if progress.is_stopped else 0


def _write(store: Store, arguments: argparse.Namespace, order: JobOrder) -> dict[str, int]:
    if arguments.out is None:
        return {}
    written, left_out = write_demonstrations(store.annotations, arguments.out, order.settings.solution_format)
    return {"demonstrations_written": written, "demonstrations_left_out": left_out}
