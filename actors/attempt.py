"""One attempt at an assigned problem: from an assignment to a verified rollout, ready for the store.

What an attempt adds to `actors.interaction`: the seed, the verdict on the answer, and retries after faults.
"""

import hashlib
import time
from collections import Counter
from dataclasses import dataclass, replace

from actors.codec import Codec
from actors.engine import RequestFailed
from actors.faults import Fault, FaultRetries
from actors.interaction import Engine, run_rollout
from actors.rollout import Finished, RolloutState
from actors.settings import SamplerSettings
from actors.support import with_support
from sandbox.equivalence import AnswerChecker, AnswerCheckFailed, Verdict
from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from store.records import Assignment, FaultKind, Outcome, Problem, Rollout, Sampling, Segment, SegmentKind, rollout_id

OUTCOME_OF_VERDICT = {
    Verdict.EQUAL: Outcome.ACCEPTED,
    Verdict.DIFFERENT: Outcome.WRONG,
    Verdict.UNDECIDED: Outcome.UNDECIDED,
    Verdict.UNREADABLE: Outcome.UNVERIFIABLE,
}
"""The outcome of a rollout with an answer, also of one that is judged again."""


@dataclass(frozen=True, slots=True)
class _Sampled:
    """A rollout before its answer is judged. `end` is None if the engine failed; then `state` is what it wrote before.

    `started_s` is on the monotonic clock.
    """

    state: RolloutState
    sampling: Sampling
    started_s: float
    end: Finished | None
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class _Judged:
    """The outcome of a rollout: `fault` if the fault is set."""

    outcome: Outcome
    fault: Fault | None = None


class Attempter:
    """Makes attempts with one engine, one sandbox and one checker. Attempts may run concurrently."""

    def __init__(
        self,
        engine: Engine,
        sandbox: Sandbox,
        checker: AnswerChecker,
        codec: Codec,
        settings: SamplerSettings,
    ) -> None:
        self._engine = engine
        self._sandbox = sandbox
        self._checker = checker
        self._codec = codec
        self._limits = settings.limits
        self._engine_settings = settings.engine
        self._retries = FaultRetries(settings)

    async def attempt(self, assignment: Assignment, sample_index: int) -> Rollout:
        """Make the rollout of one sample of an assignment. Failures of the policy are outcomes, never exceptions.

        After a fault of the engine or the sandbox the rollout is sampled again from the start, after a fault of the
        checker only the answer is checked again. Once there are no retries left, the outcome is the fault. No
        retry could succeed with a dead engine.

        Raises:
            EngineDied: the engine is dead.
        """
        name = rollout_id(assignment.id, sample_index)
        sampled = await self._retries.run(lambda: self._sample(assignment, name), name)
        judged = await self._judge_with_retries(sampled, assignment.problem, name)
        state = sampled.state
        rollout = Rollout(
            id=name,
            problem_id=assignment.problem.id,
            purpose=assignment.purpose,
            outcome=judged.outcome,
            solution_format=self._codec.format.name,
            prompt_ids=state.prompt_ids,
            token_ids=tuple(state.token_ids),
            model_mask=tuple(state.model_mask),
            spans=tuple(state.spans),
            segments=_final_segments(state),
            executions=tuple(state.executions),
            answer=sampled.end.answer if sampled.end else None,
            assignment_id=assignment.id,
            seconds=time.monotonic() - sampled.started_s,
            seed=sampled.sampling.seed,
            fault=judged.fault.kind if judged.fault else None,
        )
        return with_support(rollout, assignment.problem.question)

    def is_progressing(self, rollout: str, within_s: float) -> bool:
        """Whether an attempt made progress within the last seconds."""
        return True

    def drain_retries(self) -> Counter[str]:
        """The number of retries since the last call, by kind of the fault."""
        return self._retries.drain_counts()

    async def _sample(self, assignment: Assignment, name: str) -> _Sampled:
        started_s = time.monotonic()
        question = assignment.problem.question
        state = RolloutState(self._codec, question, self._limits, self._engine_settings.max_model_len)
        sampling = self._with_seed(assignment.sampling, name)
        try:
            end = await run_rollout(
                state,
                self._engine,
                self._sandbox,
                sampling,
                self._limits.max_output_chars,
                caller=assignment.purpose.value,
            )
        except RequestFailed as error:
            return _Sampled(state, sampling, started_s, None, Fault(FaultKind.ENGINE, str(error)))
        return _Sampled(state, sampling, started_s, end, _sandbox_fault(state))

    async def _judge_with_retries(self, sampled: _Sampled, problem: Problem, name: str) -> _Judged:
        if sampled.fault is not None:
            return _Judged(Outcome.FAULT, sampled.fault)
        end = sampled.end
        assert end is not None, "only a fault leaves a rollout without an end"
        return await self._retries.run(lambda: self._judge(end, problem), name)

    async def _judge(self, end: Finished, problem: Problem) -> _Judged:
        if end.truncated:
            return _Judged(Outcome.TRUNCATED)
        if end.answer is None:
            return _Judged(Outcome.NO_ANSWER)
        try:
            verdict = await self._checker.check(problem.accepted_answers, end.answer)
        except AnswerCheckFailed as error:
            return _Judged(Outcome.FAULT, Fault(FaultKind.CHECKER, str(error)))
        return _Judged(OUTCOME_OF_VERDICT[verdict])

    def _with_seed(self, sampling: Sampling, rollout: str) -> Sampling:
        """Add the rollout's seed, derived from the engine's seed and the rollout's id, if rollouts are seeded."""
        if not self._engine_settings.seed_each_rollout or sampling.temperature == 0:
            return sampling
        digest = hashlib.sha256(f"{self._engine_settings.seed}/{rollout}".encode()).digest()
        return replace(sampling, seed=int.from_bytes(digest[:4], "big"))


def _sandbox_fault(state: RolloutState) -> Fault | None:
    failed = next((record for record in state.executions if record.status == Status.SANDBOX_FAILURE), None)
    return None if failed is None else Fault(FaultKind.SANDBOX, failed.stderr)


def _final_segments(state: RolloutState) -> tuple[Segment, ...]:
    """The rollout's segments without answers of earlier turns: a box before the last turn is prose."""
    last = len(state.segments) - 1
    return tuple(
        segment
        for position, segment in enumerate(state.segments)
        if segment.kind is not SegmentKind.ANSWER or position == last
    )
