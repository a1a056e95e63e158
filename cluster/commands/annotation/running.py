"""A teacher's job as a command runs it: the first signal ends it in good order, the second at once."""

import asyncio
import signal

from actors.annotation.endpoint.pace import Stop
from actors.annotation.job import JobOrder, OnProgress, run_job
from actors.annotation.progress import JobProgress
from actors.annotation.task import OpenTask
from cluster.console.annotation_progress import print_note
from store.records import AnnotationJob
from store.store import Store


def run_until_stopped(
    store: Store, order: JobOrder, task: OpenTask, on_progress: OnProgress
) -> tuple[AnnotationJob, JobProgress]:
    """Do a job, or continue it. The first Ctrl-C ends it once what is under way is answered; a second one at once.

    Raises:
        TeacherError: the teacher cannot be used.
        StoreError: another process is at work on the job.
    """
    try:
        return asyncio.run(_run(store, order, task, on_progress))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _run(
    store: Store, order: JobOrder, task: OpenTask, on_progress: OnProgress
) -> tuple[AnnotationJob, JobProgress]:
    stop, running, loop = Stop(), asyncio.current_task(), asyncio.get_running_loop()
    assert running is not None

    def on_signal() -> None:
        if stop.is_set:
            running.cancel()
        else:
            print_note("stopping once what is under way is answered (Ctrl-C again stops at once)")
            stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return await run_job(store, order, task, stop, on_progress)
