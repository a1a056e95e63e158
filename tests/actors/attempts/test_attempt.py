"""Attempts by a worker with a scripted engine, but a real store and a real sandbox."""

import math
from dataclasses import replace
from typing import Any

from actors.rollouts.codec import Codec
from actors.rollouts.rollout import End
from store.outcomes import acceptance_rate
from store.records import Outcome, Problem, Purpose, Sampling, Split, Support
from store.store import Store

from ..scripted import PROBLEMS, SETTINGS, ScriptedEngine, Work, is_done, until


async def test_outcomes_follow_from_how_an_attempt_ends(store: Store, work: Work, codec: Codec, policy: Any) -> None:
    endings = {
        0: (policy.ends("\\boxed{0}"), Outcome.ACCEPTED),
        1: (policy.ends("\\boxed{7}"), Outcome.WRONG),
        2: (policy.ends("I do not know."), Outcome.NO_ANSWER),
        3: (policy.is_cut("\\boxed{3}"), Outcome.TRUNCATED),
        4: (policy.stops("```python\nprint(4)\n```\n"), Outcome.TRUNCATED),  # again and again
        5: (policy.ends("\\boxed{5.0}"), Outcome.ACCEPTED),
        6: (policy.ends("\\boxed{1} or \\boxed{none}"), Outcome.WRONG),
        7: (replace(policy.is_cut("7 7 7 7"), end=End.REPETITION), Outcome.REPETITIVE),
        8: (policy.stops("```python\nprint(8\n```\n"), Outcome.UNPARSABLE),  # again and again
    }
    engine = ScriptedEngine(codec, lambda number, turn: endings[number % 9][0])
    async with work(engine):
        await until(lambda: is_done(store))
    outcomes = {rollout.problem_id: rollout.outcome for rollout in store.rollouts.iterate()}
    assert {number: outcomes[f"p{number}"] for number in endings} == {n: end[1] for n, end in endings.items()}
    supports = {rollout.problem_id: rollout.support for rollout in store.rollouts.iterate()}
    assert supports["p0"] is Support.NO_CODE
    assert supports["p1"] is None
    repeated = next(store.rollouts.iterate(problem_id="p4"))
    assert len(repeated.executions) == SETTINGS.limits.max_blocks
    unparsable = next(store.rollouts.iterate(problem_id="p8"))
    assert [record.status for record in unparsable.executions] == ["error"]
    assert acceptance_rate(store.run.statistics().train.by_outcome) == 2 / PROBLEMS  # 0 and 5 of 12


async def test_a_rollout_keeps_how_it_was_sampled(store: Store, work: Work, codec: Codec, policy: Any) -> None:
    def solve(number: int, turn: int) -> Any:
        text = f"\\boxed{{{number}}}" if turn else "```python\nprint(1)\n```\n"
        generation = policy.ends(text) if turn else policy.stops(text)
        return replace(generation, logprobs=tuple(-1.0 for _ in generation.token_ids))

    async with work(ScriptedEngine(codec, solve)):
        await until(lambda: is_done(store))
    for rollout in store.rollouts.iterate():
        assert (rollout.temperature, rollout.top_p, rollout.engine_build) == (0.8, 1.0, "scripted")
        assert None not in (rollout.generate_s, rollout.check_s, rollout.seed)
        assert 0 < rollout.execute_s <= rollout.seconds  # type: ignore[operator]
        assert rollout.logprobs is not None
        for logprob, by_policy in zip(rollout.logprobs, rollout.model_mask, strict=True):
            assert logprob == -1.0 if by_policy else math.isnan(logprob)


async def test_an_accepted_answer_is_judged_by_what_its_code_printed(
    store: Store, work: Work, codec: Codec, policy: Any
) -> None:
    def solve(number: int, turn: int) -> Any:
        code = f"print({number})" if number % 2 else f"print({number} * 2 - {number})"
        return policy.stops(f"```python\n{code}\n```\n") if turn == 0 else policy.ends(f"\\boxed{{{number}}}")

    async with work(ScriptedEngine(codec, solve)):
        await until(lambda: is_done(store))
    judged = {rollout.problem_id: (rollout.support, rollout.support_rule) for rollout in store.rollouts.iterate()}
    assert judged["p2"] == (Support.SUPPORTED, "in_output")
    assert judged["p3"] == (Support.UNSUPPORTED, "prints_constant")


async def test_an_answer_that_cannot_be_compared_is_undecided(
    store: Store, work: Work, codec: Codec, policy: Any
) -> None:
    store.problems.add([Problem("x", "What is 99 + 0?", "x + 1", "test", Split.HELDOUT, "x")])
    store.evaluations.schedule(1, "test", sampling=Sampling(0.0))
    engine = ScriptedEngine(codec, lambda number, turn: policy.ends("\\boxed{1 + x}"))
    async with work(engine):
        await until(lambda: list(store.rollouts.iterate(purpose=Purpose.EVAL)))
    assert next(store.rollouts.iterate(purpose=Purpose.EVAL)).outcome is Outcome.UNDECIDED
