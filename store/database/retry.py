"""Retries while a database server is away, so that a restart or a short outage does not end a run."""

import functools
import inspect
import logging
import time
from collections.abc import Callable
from typing import Any

from store.errors import StoreAwayError, StoreDeadlockError

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0

log = logging.getLogger(__name__)


def retrying[T](kind: type[T]) -> type[T]:
    """Class decorator that applies `retried` to each public method of the store or a part of it.

    It skips generators, whose output may be partly consumed when they fail, and methods that take an `Iterable`, which
    the first try exhausts.
    """
    for name, method in list(vars(kind).items()):
        if inspect.isfunction(method) and not name.startswith("_") and _is_repeatable(method):
            setattr(kind, name, retried(method))
    return kind


def _is_repeatable(method: Callable[..., Any]) -> bool:
    annotations = (str(parameter.annotation) for parameter in inspect.signature(method).parameters.values())
    return not inspect.isgeneratorfunction(method) and not any("Iterable[" in annotation for annotation in annotations)


def retried[**P, T](method: Callable[P, T]) -> Callable[P, T]:
    """Method decorator: retry with exponential backoff for `retry_s` while the server is away, or after a deadlock.

    The method must be one transaction and idempotent: it leaves rows alone that an earlier try committed without an
    acknowledgement.
    """

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        part: Any = args[0]
        return retry(lambda: method(*args, **kwargs), part.retry_s)

    return call


def retry[T](call: Callable[[], T], retry_s: float) -> T:
    """Call until it succeeds, for up to `retry_s` seconds while the server is away, or after a deadlock."""
    give_up_at = time.monotonic() + retry_s
    delay_s = FIRST_DELAY_S
    while True:
        try:
            return call()
        except (StoreAwayError, StoreDeadlockError) as error:
            if time.monotonic() + delay_s > give_up_at:
                raise
            log.warning("retrying in %.1f s: %s", delay_s, error)
        time.sleep(delay_s)
        delay_s = min(2 * delay_s, LONGEST_DELAY_S)
