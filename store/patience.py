"""Waiting for a database server that is away: a restart or a short outage is no reason for a run to end."""

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


def patient[T](kind: type[T]) -> type[T]:
    """Makes each public method of a store try again while the server is away, as `tried_again` does.

    Generators are left as they are, for part of what they give was taken already, and so are methods that take an
    Iterable, which a first try uses up.
    """
    for name, method in list(vars(kind).items()):
        if inspect.isfunction(method) and not name.startswith("_") and _repeatable(method):
            setattr(kind, name, tried_again(method))
    return kind


def _repeatable(method: Callable[..., Any]) -> bool:
    takes = (str(parameter.annotation) for parameter in inspect.signature(method).parameters.values())
    return not inspect.isgeneratorfunction(method) and not any("Iterable[" in annotation for annotation in takes)


def tried_again[**P, T](method: Callable[P, T]) -> Callable[P, T]:
    """Calls the method again, at growing intervals, for `patience_s`, while the server is away or a deadlock ends it.

    The method is one transaction, and harmless when repeated: what was committed, without word of it coming back, is
    found and left alone.
    """

    @functools.wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        store: Any = args[0]
        return persist(lambda: method(*args, **kwargs), store.patience_s)

    return call


def persist[T](call: Callable[[], T], patience_s: float) -> T:
    """What `call` returns, which is called again while the server is away or a deadlock ends it, for `patience_s`."""
    give_up_at = time.monotonic() + patience_s
    delay_s = FIRST_DELAY_S
    while True:
        try:
            return call()
        except (StoreAwayError, StoreDeadlockError) as error:
            if time.monotonic() + delay_s > give_up_at:
                raise
            log.warning("trying again in %.1f s: %s", delay_s, error)
        time.sleep(delay_s)
        delay_s = min(2 * delay_s, LONGEST_DELAY_S)
