"""Attempts by a worker with a scripted engine, but a real store and a real sandbox."""

from typing import Any

from actors.codec import Codec
from store.records import Outcome, Problem, Purpose, Sampling, Split, Support
from store.store import Store

from .scripted import SETTINGS, ScriptedEngine, Work, is_done, until


async def test_outcomes_follow_from_how_an_attempt_ends(store: Store, work: Work, codec: Codec, policy: Any) -> None:
    endings = {
        0: (policy.ends("\\boxed{0}"), Outcome.ACCEPTED),
        1: (policy.ends("\\boxed{7}"), Outcome.WRONG),
        2: (policy.ends("I do not know."), Outcome.NO_ANSWER),
        3: (policy.is_cut("\\boxed{3}"), Outcome.TRUNCATED),
        4: (policy.stops("```python\nprint(4)\n```\n"), Outcome.TRUNCATED),  # again and again
        5: (policy.ends("\\boxed{5.0}"), Outcome.ACCEPTED),
        6: (policy.ends("\\boxed{1} or \\boxed{none}"), Outcome.WRONG),
    }
    engine = ScriptedEngine(codec, lambda number, turn: endings[number % 7][0])
    async with work(engine):
        await until(lambda: is_done(store))
    outcomes = {rollout.problem_id: rollout.outcome for rollout in store.rollouts.iterate()}
    assert {number: outcomes[f"p{number}"] for number in endings} == {n: end[1] for n, end in endings.items()}
    supports = {rollout.problem_id: rollout.support for rollout in store.rollouts.iterate()}
    assert supports["p0"] is Support.NO_CODE
    assert supports["p1"] is None
    repeated = next(store.rollouts.iterate(problem_id="p4"))
    assert len(repeated.executions) == SETTINGS.limits.max_blocks


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
