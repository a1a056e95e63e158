"""One attempt at an assigned problem: from an assignment to a verified rollout, ready for the store.

What an attempt adds to `actors.attempts.interaction`: the seed, the verdict on the answer, deadlines, and retries
after faults.
"""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

from actors.attempts.deadline import Deadline
from actors.attempts.faults import Fault, FaultRetries
from actors.attempts.interaction import Engine, run_rollout
from actors.attempts.progress import AttemptLimits, AttemptProgress, EngineClock, Part, Progresses
from actors.engine import RequestFailed
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import Cut, Finished, RolloutState
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

OUTCOME_OF_CUT = {
    Cut.TRUNCATED: Outcome.TRUNCATED,
    Cut.REPETITIVE: Outcome.REPETITIVE,
    Cut.UNPARSABLE: Outcome.UNPARSABLE,
}
"""The outcome of a rollout that the policy did not end."""

_KIND_OF_PART = {Part.SESSION: FaultKind.SANDBOX, Part.SANDBOX: FaultKind.SANDBOX, Part.CHECKER: FaultKind.CHECKER}


class MeasuredEngine(Engine, EngineClock, Protocol):
    """The part of an engine that attempts use."""

    @property
    def build(self) -> str:
        """What computes the tokens."""
        ...


@dataclass(frozen=True, slots=True)
class _Sampled:
    """A rollout before its answer is judged. `end` is None if the engine failed; then `state` is what it wrote before.

    `started_s` is on the monotonic clock.
    """

    state: RolloutState
    sampling: Sampling
    started_s: float
    generate_s: float
    end: Finished | None
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class _Judged:
    """The outcome of a rollout: `fault` if the fault is set."""

    outcome: Outcome
    fault: Fault | None = None
    check_s: float = 0.0


class Attempter:
    """Makes attempts with one engine, one sandbox and one checker. Attempts may run concurrently."""

    def __init__(
        self,
        engine: MeasuredEngine,
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
        self._attempt_limits = AttemptLimits(settings, sandbox.settings, checker.settings)
        self._progresses = Progresses(engine, self._attempt_limits)

    def is_progressing(self, rollout: str, within_s: float) -> bool:
        """Whether an attempt is under way and got on within the last seconds (see `actors.attempts.progress`).

        False for a rollout whose attempt has not begun or has ended.
        """
        return self._progresses.is_progressing(rollout, within_s)

    async def attempt(self, assignment: Assignment, sample_index: int) -> Rollout:
        """Make the rollout of one sample of an assignment. Failures of the policy are outcomes, never exceptions.

        After a fault of the engine or the sandbox the rollout is sampled again from the start, after a fault of the
        checker only the answer is checked again. A part that exceeds the attempt's deadline is at fault. Once there are
        no retries left, the outcome is the fault. No retry could succeed with a dead engine.

        Raises:
            EngineDied: the engine is dead.
        """
        name = rollout_id(assignment.id, sample_index)
        with self._progresses.attempt(name) as progress:
            sampled = await self._retries.run(lambda: self._sample(assignment, name, progress), name)
            judged = await self._judge_with_retries(sampled, assignment.problem, name, progress)
        rollout = self._record(assignment, name, sampled, judged)
        return with_support(rollout, assignment.problem.question)

    def _record(self, assignment: Assignment, name: str, sampled: _Sampled, judged: _Judged) -> Rollout:
        state = sampled.state
        return Rollout(
            id=name,
            problem_id=assignment.problem.id,
            purpose=assignment.purpose,
            outcome=judged.outcome,
            solution_format=self._codec.format.name,
            prompt_ids=state.prompt_ids,
            token_ids=tuple(state.token_ids),
            model_mask=tuple(state.model_mask),
            logprobs=None if state.logprobs is None else tuple(state.logprobs),
            spans=tuple(state.spans),
            segments=_final_segments(state),
            executions=tuple(state.executions),
            answer=sampled.end.answer if sampled.end else None,
            assignment_id=assignment.id,
            seconds=time.monotonic() - sampled.started_s,
            seed=sampled.sampling.seed,
            fault=judged.fault.kind if judged.fault else None,
            temperature=sampled.sampling.temperature,
            top_p=sampled.sampling.top_p,
            engine_build=self._engine.build,
            generate_s=sampled.generate_s,
            execute_s=sum((record.seconds for record in state.executions), 0.0),
            check_s=judged.check_s,
        )

    def drain_retries(self) -> Counter[str]:
        """The number of retries since the last call, by kind of the fault."""
        return self._retries.drain_counts()

    async def _sample(self, assignment: Assignment, name: str, progress: AttemptProgress) -> _Sampled:
        started_s, generated_s = time.monotonic(), progress.seconds[Part.ENGINE]
        question = assignment.problem.question
        state = RolloutState(self._codec, question, self._limits, self._engine_settings.max_model_len)
        sampling = self._with_seed(assignment.sampling, name)
        deadline = Deadline(self._sampling_limit_s, lambda: self._engine.clock_s)
        end, fault = None, None
        try:
            async with deadline:
                end = await run_rollout(
                    state,
                    self._engine,
                    self._sandbox,
                    sampling,
                    self._limits.max_output_chars,
                    caller=assignment.purpose.value,
                    progress=progress,
                )
            fault = _sandbox_fault(state)
        except RequestFailed as error:
            fault = Fault(FaultKind.ENGINE, str(error))
        except TimeoutError:
            if not deadline.expired:
                raise
            fault = _exceeded(progress, deadline)
        return _Sampled(state, sampling, started_s, progress.seconds[Part.ENGINE] - generated_s, end, fault)

    def _sampling_limit_s(self) -> float | None:
        return self._attempt_limits.sampling_s(self._engine.slowest_tokens_per_s)

    async def _judge_with_retries(
        self, sampled: _Sampled, problem: Problem, name: str, progress: AttemptProgress
    ) -> _Judged:
        if sampled.fault is not None:
            return _Judged(Outcome.FAULT, sampled.fault)
        end = sampled.end
        assert end is not None, "only a fault leaves a rollout without an end"
        return await self._retries.run(lambda: self._judge(end, problem, progress), name)

    async def _judge(self, end: Finished, problem: Problem, progress: AttemptProgress) -> _Judged:
        if end.cut is not None:
            return _Judged(OUTCOME_OF_CUT[end.cut])
        if end.answer is None:
            return _Judged(Outcome.NO_ANSWER)
        checked_s = progress.seconds[Part.CHECKER]
        limit_s = self._attempt_limits.check_s * len(problem.accepted_answers)
        deadline = Deadline(lambda: limit_s, time.monotonic)
        try:
            async with deadline:
                with progress.within(Part.CHECKER):
                    verdict = await self._checker.check(problem.accepted_answers, end.answer)
        except AnswerCheckFailed as error:
            return _Judged(Outcome.FAULT, Fault(FaultKind.CHECKER, str(error)))
        except TimeoutError:
            if not deadline.expired:
                raise
            return _Judged(Outcome.FAULT, _exceeded(progress, deadline))
        return _Judged(OUTCOME_OF_VERDICT[verdict], check_s=progress.seconds[Part.CHECKER] - checked_s)

    def _with_seed(self, sampling: Sampling, rollout: str) -> Sampling:
        """Add the rollout's seed, derived from the engine's seed and the rollout's id, if rollouts are seeded."""
        settings = self._engine_settings
        return sampling.seeded(settings.seed, rollout) if settings.seed_each_rollout else sampling


def _exceeded(progress: AttemptProgress, deadline: Deadline) -> Fault:
    """The fault of the part in which an attempt exceeded its deadline."""
    part = progress.left
    return Fault(
        _KIND_OF_PART.get(part, FaultKind.ENGINE),
        f"the attempt was not finished {deadline.passed_s:.0f} s after its start, which is more than its limits allow; "
        f"it waited for the {part.name.lower()}",
    )


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
