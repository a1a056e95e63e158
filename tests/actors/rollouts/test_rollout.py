import math
import random
from dataclasses import replace
from typing import Any

import pytest

from actors.attempts.interaction import run_rollout
from actors.rollouts.codec import Codec
from actors.rollouts.parsing import parses
from actors.rollouts.rollout import Cut, End, Execute, Finished, Generate, Generation, RolloutState, versions_of
from actors.settings import RolloutLimits
from sandbox.interpreter import Sandbox
from store.records import ExecutionRecord, PolicySpan, Sampling, SegmentKind

QUESTION = "What is 6 * 7?"
BLOCK = "```python\nprint(6 * 7)\n```\n"
CONTEXT_TOKENS = 1024


def start(codec: Codec, context_tokens: int = CONTEXT_TOKENS, **limits: int) -> RolloutState:
    return RolloutState(codec, QUESTION, RolloutLimits(**limits), context_tokens)


def executed(source: str = "print(6 * 7)") -> ExecutionRecord:
    return ExecutionRecord("ok", source, "42\n")


def test_a_rollout_begins_with_a_turn_after_the_prompt(codec: Codec) -> None:
    state = start(codec, max_tokens=100)
    assert state.step == Generate(codec.prompt(QUESTION), 100)


def test_a_turn_that_ends_with_code_requests_its_execution(codec: Codec, policy: Any) -> None:
    state = start(codec)
    state.add_generation(policy.stops(f"Multiply.\n{BLOCK}"))
    assert state.step == Execute("print(6 * 7)")


def test_the_context_of_the_next_turn_is_exactly_what_was_sampled_and_shown(codec: Codec, policy: Any) -> None:
    state = start(codec, max_tokens=200)
    turn = policy.stops(BLOCK)
    state.add_generation(turn)
    state.add_execution(executed(), "42")
    after_prompt = (*turn.token_ids, *codec.output("42"))
    assert state.step == Generate((*codec.prompt(QUESTION), *after_prompt), 200 - len(after_prompt))
    assert state.token_ids == list(after_prompt)
    assert state.model_mask == [True] * len(turn.token_ids) + [False] * len(codec.output("42"))


def test_sampled_ids_are_kept_even_if_encoding_their_text_would_give_others(codec: Codec) -> None:
    letter_by_letter = tuple(token for letter in BLOCK for token in codec.text(letter))
    assert letter_by_letter != codec.text(BLOCK)
    state = start(codec)
    state.add_generation(Generation(letter_by_letter, (), End.STOP_TEXT))
    state.add_execution(executed(), "42")
    assert isinstance(state.step, Generate)
    assert state.step.context_ids == (*codec.prompt(QUESTION), *letter_by_letter, *codec.output("42"))


def test_the_answer_is_that_of_the_last_turn(codec: Codec, policy: Any) -> None:
    state = start(codec)
    state.add_generation(policy.stops(f"I guess \\boxed{{41}}.\n{BLOCK}"))
    state.add_execution(executed(), "42")
    state.add_generation(policy.ends("So \\boxed{42}"))
    assert state.step == Finished(answer="42")
    assert [segment.kind for segment in state.segments] == [
        SegmentKind.TEXT,
        SegmentKind.CODE,
        SegmentKind.OUTPUT,
        SegmentKind.TEXT,
        SegmentKind.ANSWER,
    ]
    assert state.token_ids[-1] == codec.eos_id
    assert state.model_mask[-1]


def test_a_policy_that_ends_without_an_answer_is_not_truncated(codec: Codec, policy: Any) -> None:
    state = start(codec)
    state.add_generation(policy.ends("I do not know."))
    assert state.step == Finished(answer=None)


def test_an_end_token_right_after_a_block_ends_the_rollout_unexecuted(codec: Codec, policy: Any) -> None:
    state = start(codec)
    state.add_generation(policy.ends(BLOCK))
    assert state.step == Finished(answer=None)
    assert not state.executions


def test_an_end_token_alone_is_no_answer(codec: Codec, policy: Any) -> None:
    state = start(codec)
    state.add_generation(policy.ends(""))
    assert state.step == Finished(answer=None)
    assert state.token_ids == [codec.eos_id]
    assert state.segments == []


def test_the_names_of_end_tokens_in_a_turn_do_not_end_it(codec: Codec, policy: Any) -> None:
    state = start(codec)
    state.add_generation(policy.stops('```python\nprint("<eos>")\n```\n'))
    assert state.step == Execute('print("<eos>")')


@pytest.mark.parametrize("text", ["half a thou", "So \\boxed{42}", "```python\nprint(1)", BLOCK])
def test_a_turn_cut_by_a_limit_is_truncated_whatever_it_says(codec: Codec, policy: Any, text: str) -> None:
    state = start(codec)
    state.add_generation(policy.is_cut(text))
    assert state.step == Finished(answer=None, cut=Cut.TRUNCATED)


def test_an_unfinished_block_is_not_run(codec: Codec, policy: Any) -> None:
    state = start(codec)
    state.add_generation(policy.ends("```python\nprint(1)"))
    assert state.step == Finished(answer=None)


def test_a_block_beyond_the_limit_truncates(codec: Codec, policy: Any) -> None:
    state = start(codec, max_blocks=2)
    for _ in range(2):
        state.add_generation(policy.stops(BLOCK))
        state.add_execution(executed(), "42")
    state.add_generation(policy.stops(BLOCK))
    assert state.step == Finished(answer=None, cut=Cut.TRUNCATED)
    assert len(state.executions) == 2


def test_no_block_is_run_if_none_is_allowed(codec: Codec, policy: Any) -> None:
    state = start(codec, max_blocks=0)
    state.add_generation(policy.stops(BLOCK))
    assert state.step == Finished(answer=None, cut=Cut.TRUNCATED)


def test_the_context_limit_counts_the_prompt(codec: Codec) -> None:
    prompt = len(codec.prompt(QUESTION))
    step = start(codec, context_tokens=prompt + 5, max_tokens=100).step
    assert step == Generate(codec.prompt(QUESTION), 5)


def test_a_prompt_that_fills_the_context_is_truncated_at_once(codec: Codec) -> None:
    prompt = len(codec.prompt(QUESTION))
    for context_tokens in (prompt, prompt - 3):
        assert start(codec, context_tokens=context_tokens).step == Finished(answer=None, cut=Cut.TRUNCATED)


def test_an_output_that_leaves_no_room_for_a_turn_truncates_and_stays_out(codec: Codec, policy: Any) -> None:
    turn = policy.stops(BLOCK)
    exact = len(turn.token_ids) + len(codec.output("42"))
    for max_tokens, truncated in ((exact - 1, True), (exact, True), (exact + 1, False)):
        state = start(codec, max_tokens=max_tokens)
        state.add_generation(turn)
        state.add_execution(executed(), "42")
        assert isinstance(state.step, Finished) == truncated
        assert len(state.executions) == 1
        assert len(state.token_ids) == len(state.model_mask) == (len(turn.token_ids) if truncated else exact)
        assert any(segment.kind is SegmentKind.OUTPUT for segment in state.segments) != truncated


def test_spans_are_offset_by_the_tokens_before_their_turn(codec: Codec, policy: Any) -> None:
    state = start(codec)
    first = policy.stops(BLOCK, version=3)
    state.add_generation(first)
    state.add_execution(executed(), "42")
    offset = len(state.token_ids)
    second = replace(policy.ends("So \\boxed{42}"), spans=(PolicySpan(3, 0, 2), PolicySpan(4, 2, 5)))
    state.add_generation(second)
    assert state.spans == [
        PolicySpan(3, 0, len(first.token_ids)),
        PolicySpan(3, offset, offset + 2),
        PolicySpan(4, offset + 2, offset + 5),
    ]
    assert versions_of(state.spans) == (3, 4)
    assert versions_of([]) == ()


def _random_turn(rng: random.Random, codec: Codec, policy: Any, room: int) -> Generation:
    body = "".join(rng.choice(["x", "1", " ", "\n", "ü", "```", "é漢", "\\boxed{"]) for _ in range(rng.randrange(12)))
    code = f"```python\nprint({rng.randrange(99)})\n```\n"
    turn = rng.choice(
        [
            policy.stops(body + "\n" + code),
            policy.stops(code),
            policy.stops(code),
            policy.ends(f"{body}\\boxed{{{rng.randrange(99)}}}"),
            policy.ends(code),
            policy.ends(body),
        ]
    )
    if len(turn.token_ids) <= room:
        return turn
    return Generation(turn.token_ids[:room], (PolicySpan(1, 0, room),), End.LIMIT)


@pytest.mark.parametrize("seed", range(40))
def test_in_random_rollouts_ids_are_those_sampled_and_shown_and_limits_hold(
    codec: Codec, policy: Any, seed: int
) -> None:
    rng = random.Random(seed)
    limits = RolloutLimits(max_tokens=rng.choice([30, 80, 400]), max_blocks=rng.randrange(4))
    context_tokens = len(codec.prompt(QUESTION)) + rng.choice([25, 300, 1000])
    state = RolloutState(codec, QUESTION, limits, context_tokens)
    ids: list[int] = []
    mask: list[bool] = []
    while not isinstance(state.step, Finished):
        if isinstance(state.step, Generate):
            assert state.step.context_ids == (*codec.prompt(QUESTION), *ids)
            assert 0 < state.step.max_tokens <= limits.max_tokens - len(ids)
            assert len(state.step.context_ids) + state.step.max_tokens <= context_tokens
            turn = _random_turn(rng, codec, policy, state.step.max_tokens)
            ids += turn.token_ids
            mask += [True] * len(turn.token_ids)
            state.add_generation(turn)
        else:
            shown = "7\n" * rng.randrange(9)
            state.add_execution(executed(state.step.source), shown)
            if isinstance(state.step, Generate):
                ids += codec.output(shown)
                mask += [False] * len(codec.output(shown))
    assert (state.token_ids, state.model_mask) == (ids, mask)
    assert len(ids) <= limits.max_tokens
    assert len(state.prompt_ids) + len(ids) <= context_tokens
    assert len(state.executions) <= limits.max_blocks
    covered = [position for span in state.spans for position in range(span.start, span.end)]
    assert covered == [position for position, own in enumerate(mask) if own]


# Run with a real sandbox


class Script:
    """An engine that returns the given turns."""

    def __init__(self, *turns: Generation) -> None:
        self._turns = list(turns)
        self.contexts: list[tuple[int, ...]] = []

    async def generate(
        self, context_ids: tuple[int, ...], max_tokens: int, sampling: Sampling, *, progress: Any = None
    ) -> Generation:
        self.contexts.append(context_ids)
        return self._turns.pop(0)


async def test_blocks_of_one_rollout_share_their_variables(codec: Codec, policy: Any, sandbox: Sandbox) -> None:
    engine = Script(
        policy.stops("```python\nx = 6 * 7\n```\n"),
        policy.stops("```python\nprint(x)\nx + 1\n```\n"),
        policy.ends("\\boxed{43}"),
    )
    state, outputs = start(codec), list[str]()
    end = await run_rollout(state, engine, sandbox, Sampling(), 1000, outputs.append)
    assert end == Finished(answer="43")
    assert outputs == ["", "42\n43"]
    assert [(record.status, record.stdout, record.value) for record in state.executions] == [
        ("ok", "", None),
        ("ok", "42\n", "43"),
    ]
    assert engine.contexts[2] == (
        *codec.prompt(QUESTION),
        *state.token_ids[: -len(policy.ends("\\boxed{43}").token_ids)],
    )


async def test_the_policy_sees_an_errors_last_line_and_the_record_keeps_all(
    codec: Codec, policy: Any, sandbox: Sandbox
) -> None:
    engine = Script(policy.stops("```python\nprint(1)\n1/0\n```\n"), policy.ends("no"))
    state, outputs = start(codec), list[str]()
    await run_rollout(state, engine, sandbox, Sampling(), 1000, outputs.append)
    assert outputs == ["1\nZeroDivisionError: division by zero"]
    assert state.executions[0].status == "error"
    assert "Traceback" in state.executions[0].stderr


async def test_a_rollout_without_code_needs_no_sandbox(codec: Codec, policy: Any) -> None:
    never_started = Sandbox()
    end = await run_rollout(start(codec), Script(policy.ends("\\boxed{42}")), never_started, Sampling(), 1000)
    assert end.answer == "42"


def test_a_closed_fence_of_another_language_does_not_end_the_rollout(codec: Codec, policy: Any) -> None:
    state = RolloutState(codec, "What is 1 + 1?", RolloutLimits(max_tokens=200), 400)
    state.add_generation(policy.stops("A note:\n```text\none and one\n```\n"))
    assert isinstance(state.step, Generate)
    assert state.step.context_ids == (*state.prompt_ids, *state.token_ids)
    state.add_generation(policy.ends("\\boxed{2}"))
    assert state.step == Finished(answer="2")


def with_logprobs(generation: Generation) -> Generation:
    return replace(generation, logprobs=tuple(-float(n) for n in range(len(generation.token_ids))))


def test_log_probabilities_stand_beside_the_policys_tokens_and_nan_beside_the_output(codec: Codec, policy: Any) -> None:
    state = start(codec)
    first, last = with_logprobs(policy.stops(BLOCK)), with_logprobs(policy.ends("\\boxed{42}"))
    state.add_generation(first)
    state.add_execution(executed(), "42")
    state.add_generation(last)
    assert state.logprobs is not None
    by_policy = [value for value, flag in zip(state.logprobs, state.model_mask, strict=True) if flag]
    assert by_policy == [*first.logprobs, *last.logprobs]  # type: ignore[misc]
    by_others = [value for value, flag in zip(state.logprobs, state.model_mask, strict=True) if not flag]
    assert by_others
    assert all(map(math.isnan, by_others))


def test_a_turn_without_log_probabilities_leaves_the_rollout_without_any(codec: Codec, policy: Any) -> None:
    state = start(codec)
    state.add_generation(with_logprobs(policy.stops(BLOCK)))
    state.add_execution(executed(), "42")
    state.add_generation(policy.ends("\\boxed{42}"))
    assert state.logprobs is None


def test_a_turn_that_repeats_itself_ends_the_rollout(codec: Codec, policy: Any) -> None:
    state = start(codec)
    state.add_generation(replace(policy.is_cut("\\boxed{1} " * 8), end=End.REPETITION))
    assert state.step == Finished(None, Cut.REPETITIVE)


BAD, BROKEN = "```python\nprint(6 *\n```\n", "```python\nfor\n```\n"


def fail(state: RolloutState) -> None:
    assert isinstance(state.step, Execute)
    state.add_execution(ExecutionRecord("error", state.step.source, "", "SyntaxError"), "SyntaxError")


def test_code_that_does_not_parse_twice_in_a_row_ends_the_rollout(codec: Codec, policy: Any) -> None:
    state = start(codec)
    state.add_generation(policy.stops(BAD))
    fail(state)
    state.add_generation(policy.stops(BROKEN))
    assert state.step == Finished(None, Cut.UNPARSABLE)
    assert len(state.executions) == 1
    assert [segment.kind for segment in state.segments].count(SegmentKind.CODE) == 2


@pytest.mark.parametrize("between", ["print(6 * 7)", "1 / 0", "eval('6 *')"])
def test_a_block_that_parses_in_between_lets_the_rollout_go_on(codec: Codec, policy: Any, between: str) -> None:
    """Whether it succeeds or not."""
    state = start(codec)
    state.add_generation(policy.stops(BAD))
    fail(state)
    state.add_generation(policy.stops(f"```python\n{between}\n```\n"))
    fail(state)
    state.add_generation(policy.stops(BAD))
    assert isinstance(state.step, Execute)


def test_the_switch_lets_unparsable_code_run(codec: Codec, policy: Any) -> None:
    state = start(codec, end_on_unparsable=False)
    state.add_generation(policy.stops(BAD))
    fail(state)
    state.add_generation(policy.stops(BROKEN))
    assert state.step == Execute("for")


SOURCES = [
    "x = 1",
    "",
    "%matplotlib inline",
    "!pip install sympy",
    "?print",
    "x = !ls",
    "return 1",
    "await f()",
    "print('a\\d')",
    "def f(:\n    pass",
    "    x = 1",
    "if True:\n\tx = 1\n        y = 2",
    "x = '\ud800'",
    "x = 1\0",
    "x = 08",
    "print 1",
    "λ = 1",
    "x = “1”",
    "match x:\n    case 1:\n        pass",
    "(" * 300 + ")" * 300,
]


@pytest.mark.parametrize("source", SOURCES)
async def test_what_does_not_parse_is_what_the_sandbox_rejects_before_it_runs_anything(
    sandbox: Sandbox, source: str
) -> None:
    async with sandbox.session() as session:
        ran = await session.run("ran = False")
        execution = await session.run(f"{source}\nran = True" if source.strip() else "ran = True")
        ran = await session.run("ran")
    whole = f"{source}\nran = True" if source.strip() else "ran = True"
    if parses(whole) and source not in ("return 1", "await f()"):  # those are rejected after they were parsed
        assert ran.value == "True" or "NameError" in execution.error
    else:
        assert ran.value == "False"
        assert "SyntaxError" in execution.error or not parses(whole)
