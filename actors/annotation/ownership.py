"""Which process is at work on a job: it says so every few seconds, and nobody else sends requests meanwhile."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil

from store.annotation.annotations import Annotations
from store.errors import StoreError

log = logging.getLogger(__name__)

_BEAT_S = 10.0


def this_process() -> str:
    """The name of this process: its host, its id, and when it was started, since ids are used again."""
    started = int(psutil.Process().create_time())
    return f"{socket.gethostname()}:{os.getpid()}:{started}"


def is_alive(owner: str) -> bool:
    """Whether a process may still be at work. Of other hosts it is not known, so it may."""
    host, _, process = owner.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname():
        return True
    try:
        return int(psutil.Process(int(process)).create_time()) == int(owner.rpartition(":")[2])
    except psutil.NoSuchProcess:
        return False


@asynccontextmanager
async def owned(annotations: Annotations, job_id: int) -> AsyncIterator[tuple[str, int]]:
    """This process is at work on a job in this block: its name, and how many requests an earlier one left unanswered.

    Raises:
        AnnotationTakenError: another process is at work on the job.
    """
    owner = this_process()
    left = await asyncio.to_thread(annotations.claim, job_id, owner, is_alive)
    beating = asyncio.create_task(_beat(annotations, job_id, owner))
    try:
        yield owner, left
    finally:
        beating.cancel()
        annotations.release(job_id, owner)


async def _beat(annotations: Annotations, job_id: int, owner: str) -> None:
    while True:
        await asyncio.sleep(_BEAT_S)
        try:
            await asyncio.to_thread(annotations.beat, job_id, owner)
        except StoreError as error:  # if the job was taken over, the next reservation fails
            log.warning("no sign of life for annotation job %d: %s", job_id, error)
