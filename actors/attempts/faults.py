"""Faults of an attempt: failures of engine, sandbox or checker, which are no part of what the policy did.

What ended in a fault is made again, a limited number of times, with growing pauses: a process that died is being
restarted meanwhile, which takes seconds.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from actors.settings import SamplerSettings
from store.records import FaultKind

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fault:
    """What failed, and its error message."""

    kind: FaultKind
    reason: str


class MayFault(Protocol):
    """A result that a fault may have spoiled."""

    @property
    def fault(self) -> Fault | None:
        """The fault, None if the result is sound."""
        ...


class FaultRetries:
    """Makes again what ended in a fault, `fault_retries` times at most, and counts the retries by kind of the fault."""

    def __init__(self, settings: SamplerSettings) -> None:
        self._pauses_s = [settings.fault_pause_s * 2**retry for retry in range(settings.fault_retries)]
        self._counts: Counter[str] = Counter()

    async def run[T: MayFault](self, make: Callable[[], Awaitable[T]], rollout: str) -> T:
        """The first sound result of `make`, or the last one if none is. `rollout` is named in the log."""
        for pause_s in self._pauses_s:
            result = await make()
            if result.fault is None:
                return result
            kind, reason = result.fault.kind.value, result.fault.reason
            log.warning("rollout %s: %s fault, retried in %g s: %s", rollout, kind, pause_s, reason)
            self._counts[kind] += 1
            await asyncio.sleep(pause_s)
        result = await make()
        if result.fault is not None:
            kind, reason = result.fault.kind.value, result.fault.reason
            log.error(
                "rollout %s: %s fault, stored as one after %d retries: %s", rollout, kind, len(self._pauses_s), reason
            )
        return result

    def drain_counts(self) -> Counter[str]:
        """The number of retries since the last call, by kind of the fault."""
        counts, self._counts = self._counts, Counter()
        return counts
