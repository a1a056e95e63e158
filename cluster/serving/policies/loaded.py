"""One policy in an engine, ready to solve."""

import asyncio

from actors.engine import PolicyEngine
from actors.formats import get_format
from actors.rollouts.codec import Codec
from actors.settings import EngineSettings
from cluster.config.run_config import RunConfig
from cluster.serving.policies.value_model import LoadedValueModel
from cluster.serving.solving.slots import Slots
from cluster.serving.solving.solver import Solver
from sandbox.interpreter import Sandbox
from store.records import PolicyPointer, Sampling


class LoadedPolicy:
    """An engine with a policy, and the solver that uses it.

    `trained_sampling` is how the run samples training attempts, `value_model` can choose among attempts.
    """

    def __init__(
        self,
        config: RunConfig,
        settings: EngineSettings,
        sandbox: Sandbox,
        slots: Slots,
        value_model: LoadedValueModel | None = None,
    ) -> None:
        self._sampler = config.sampler
        self._format = get_format(config.sampler.solution_format)
        self._sandbox = sandbox
        self._slots = slots
        self.value_model = value_model
        self.trained_sampling = Sampling(config.iteration.temperature, config.iteration.top_p)
        self.on_gpu = config.sampler.gpus_per_sampler > 0
        self._solver: Solver | None = None
        self.engine = PolicyEngine(
            settings,
            self._format.stop,
            end_on_repetition=config.sampler.limits.end_on_repetition,
            storage=config.storage,
        )

    @property
    def version(self) -> int:
        """The version that is loaded, -1 before the start."""
        return self.engine.version

    @property
    def solver(self) -> Solver:
        """The solver, available after `start`."""
        assert self._solver is not None, "not started"
        return self._solver

    async def start(self, policy: PolicyPointer) -> None:
        """Start the engine with a policy.

        Raises:
            EngineStartError: vLLM did not start with it.
        """
        await self.engine.start(policy)
        codec = await asyncio.to_thread(Codec.from_folder, self.engine.folder, self._format)
        limits, context = self._sampler.limits, self._sampler.engine.max_model_len
        self._solver = Solver(self.engine, self._sandbox, codec, limits, context, self._slots)
