"""Supervision of a running vLLM engine: finds that it is dead, silent or broken, and then fails every request."""

import asyncio
import logging
from typing import Any

from actors.engine.errors import EngineDied, RequestFailed, one_line
from actors.engine.watch import POLL_S, RequestProgress, TokenWatch

log = logging.getLogger(__name__)


class Supervisor:
    """Watches the tokens of vLLM's `AsyncLLM`; once it has failed the engine, nothing is sampled any more."""

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self._engine: Any = None
        self._task: asyncio.Task[None] | None = None
        self._silenced: set[str] = set()  # requests that were aborted for their silence
        self._failure: EngineDied | None = None
        self.watch = TokenWatch(silence_s)

    def start(self, engine: Any) -> None:
        """Begin to watch an engine that is ready."""
        self._engine = engine
        self._task = asyncio.create_task(self._watch_forever(), name="watch the engine's tokens")

    def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()

    def begin(self, request: str, progress: RequestProgress | None) -> None:
        """A request is made. Raises EngineDied if the engine has failed."""
        self.require_alive()
        self.watch.begin(request, progress)

    def end(self, request: str, tokens: int | None) -> None:
        """A request has ended, with so many tokens if that is known."""
        self.watch.end(request, tokens)
        self._silenced.discard(request)

    def require_heard(self, request: str) -> None:
        """Raise RequestFailed if a request was aborted for its silence."""
        if request in self._silenced:
            limit = f"{self._silence_s:g} s (sampler.engine.silence_s)"
            raise RequestFailed(f"the request got no token for {limit} while others got theirs")

    def fail(self, error: EngineDied) -> None:
        """Fail all requests under way, and all later ones."""
        log.error("the engine cannot go on: %s", error)
        self._failure = error
        self._engine.output_processor.propagate_error(error)

    def require_alive(self) -> None:
        """Raise the failure of the engine, if it has failed."""
        if self._failure is not None:
            raise type(self._failure)(str(self._failure)) from self._failure

    async def _watch_forever(self) -> None:
        try:
            while self._failure is None:
                await asyncio.sleep(min(POLL_S, self._silence_s / 4))
                await self._check()
        except Exception as error:
            self.fail(EngineDied(f"the watch over the engine failed: {one_line(error)}"))
            raise

    async def _check(self) -> None:
        """Fail the engine if it is dead or silent, and a single request if only that is."""
        states = self._engine.output_processor.request_states.values()
        self.watch.poll({state.external_req_id: state.detokenizer.num_output_tokens() for state in states})
        silent_s = self.watch.silent_s()
        if self._engine.errored:
            self.fail(EngineDied("vLLM's engine process has ended"))
        elif silent_s >= self._silence_s:
            self.fail(
                EngineDied(
                    f"the engine sampled no token for {silent_s:.0f} s (sampler.engine.silence_s) with {len(states)} "
                    "requests under way"
                )
            )
        elif silent := self.watch.silent_requests():
            log.warning(
                "aborting %d requests that got no token for %g s while others did", len(silent), self._silence_s
            )
            self._silenced.update(silent)
            await self._engine.abort(silent)
