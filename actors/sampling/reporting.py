"""Reports of a sampler's state to the store, from where `automathes status` and the driver read it."""

import asyncio
import logging
from collections.abc import Callable

from store.errors import StoreError
from store.runs.samplers import Samplers, SamplerState

log = logging.getLogger(__name__)

_POLL_S = 0.5

type State = tuple[SamplerState, str | None]


class StateReporter:
    """Writes a sampler's state when it changes, and at least once per interval as a sign of life."""

    def __init__(self, name: str, samplers: Samplers, interval_s: float) -> None:
        self._name = name
        self._samplers = samplers
        self._interval_s = interval_s

    async def run(
        self,
        state: Callable[[], State],
        version: Callable[[], int],
        progress: Callable[[], int],
        doing: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Report until cancelled.

        `progress` returns a number that grows with each sign of progress. `doing` says what the sampler is at, and is
        reported as the detail of a state that has none; its changes alone are not worth a report.
        """
        reported: tuple[State, int] | None = None
        before, waited_s = -1, 0.0
        while True:
            now = state(), version()
            if now != reported or waited_s >= self._interval_s:
                count = progress()
                what, detail = now[0]
                if await self._report((what, detail or doing()), now[1], progressed=count != before):
                    reported, before, waited_s = now, count, 0.0
            await asyncio.sleep(_POLL_S)
            waited_s += _POLL_S

    async def _report(self, state: State, version: int, *, progressed: bool) -> bool:
        """Report once; whether it was written. A store that is away is reported through the driver's poll instead."""
        held = version if version >= 0 else None
        try:
            await asyncio.to_thread(self._samplers.report, self._name, *_words(state, held), progressed=progressed)
        except StoreError as error:
            log.warning("the state of %s was not reported: %s", self._name, error)
            return False
        return True


def _words(state: State, held: int | None) -> tuple[SamplerState, int | None, str | None]:
    return state[0], held, state[1]
