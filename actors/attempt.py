"""One attempt at an assigned problem: from an assignment to a verified rollout, ready for the store.

What an attempt adds to `actors.interaction`: the seed, the verdict on the answer, and a second try after a failure of
the sandbox.
"""

import hashlib
import logging
import time
from dataclasses import replace

from actors.codec import Codec
from actors.interaction import Engine, run_rollout
from actors.rollout import Finished, RolloutState
from actors.settings import SamplerSettings
from actors.support import with_support
from sandbox.equivalence import AnswerChecker, Verdict
from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from store.records import Assignment, Outcome, Problem, Rollout, Sampling, Segment, SegmentKind, rollout_id

log = logging.getLogger(__name__)

_OUTCOME_OF_VERDICT = {
    Verdict.EQUAL: Outcome.ACCEPTED,
    Verdict.DIFFERENT: Outcome.WRONG,
    Verdict.UNDECIDED: Outcome.UNVERIFIABLE,
}


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

    async def attempt(self, assignment: Assignment, sample_index: int) -> Rollout:
        """Make the rollout of one sample of an assignment. Failures of the policy are outcomes, never exceptions.

        A rollout that a failure of the sandbox ended is sampled once more from the start: the sandbox has already
        retried what can be retried within a session.
        """
        rollout = await self._attempt_once(assignment, sample_index)
        if rollout.outcome is not Outcome.FAULT:
            return rollout
        log.warning("the sandbox failed during rollout %s; retrying it once", rollout.id)
        return await self._attempt_once(assignment, sample_index)

    async def _attempt_once(self, assignment: Assignment, sample_index: int) -> Rollout:
        started = time.monotonic()
        problem = assignment.problem
        state = RolloutState(self._codec, problem.question, self._limits, self._engine_settings.max_model_len)
        sampling = self._with_seed(assignment.sampling, rollout_id(assignment.id, sample_index))
        end = await run_rollout(
            state,
            self._engine,
            self._sandbox,
            sampling,
            self._limits.max_output_chars,
            caller=assignment.purpose.value,
        )
        rollout = Rollout(
            id=rollout_id(assignment.id, sample_index),
            problem_id=problem.id,
            purpose=assignment.purpose,
            outcome=await self._outcome(state, end, problem),
            solution_format=self._codec.format.name,
            prompt_ids=state.prompt_ids,
            token_ids=tuple(state.token_ids),
            model_mask=tuple(state.model_mask),
            spans=tuple(state.spans),
            segments=_final_segments(state),
            executions=tuple(state.executions),
            answer=end.answer,
            assignment_id=assignment.id,
            seconds=time.monotonic() - started,
            seed=sampling.seed,
        )
        return with_support(rollout, problem.question)

    def _with_seed(self, sampling: Sampling, rollout: str) -> Sampling:
        """Add the rollout's seed, derived from the engine's seed and the rollout's id, if rollouts are seeded."""
        if not self._engine_settings.seed_each_rollout or sampling.temperature == 0:
            return sampling
        digest = hashlib.sha256(f"{self._engine_settings.seed}/{rollout}".encode()).digest()
        return replace(sampling, seed=int.from_bytes(digest[:4], "big"))

    async def _outcome(self, state: RolloutState, end: Finished, problem: Problem) -> Outcome:
        if any(record.status == Status.SANDBOX_FAILURE for record in state.executions):
            return Outcome.FAULT
        if end.truncated:
            return Outcome.TRUNCATED
        if end.answer is None:
            return Outcome.NO_ANSWER
        return _OUTCOME_OF_VERDICT[await self._checker.check(problem.accepted_answers, end.answer)]


def _final_segments(state: RolloutState) -> tuple[Segment, ...]:
    """The rollout's segments without answers of earlier turns: a box before the last turn is prose."""
    last = len(state.segments) - 1
    return tuple(
        segment
        for position, segment in enumerate(state.segments)
        if segment.kind is not SegmentKind.ANSWER or position == last
    )
