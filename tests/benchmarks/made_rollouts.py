"""Synthetic rollouts like those of a sampler: about 300 tokens, two blocks of code and their output."""

import math
import random
import re
import zlib
from collections.abc import Iterator

from store.records import (
    Assignment,
    ExecutionRecord,
    Outcome,
    PolicySpan,
    Rollout,
    Segment,
    SegmentKind,
    rollout_id,
)

VOCABULARY = 49_152
_NAMES = ("total", "price", "rate", "share", "speed", "hours", "apples", "boxes", "profit", "area", "width", "count")
_WORDS = re.findall(
    r"\w+",
    "first we need to find how many of them there are in all then each one costs so the number that is left must be "
    "half as much again because every day she sells three more than he did before and the rest goes to her friends",
)


def make_rollout(
    assignment: Assignment, sample: int, outcome: Outcome, version: int, rng: random.Random, naming: random.Random
) -> Rollout:
    """One attempt. `rng` determines its content and `naming` the names of its variables."""
    answer = str(rng.randrange(10_000))
    segments = [Segment(SegmentKind.TEXT, _prose(rng, 60))]
    executions = []
    for _ in range(2):
        code, printed = _code(rng, naming), f"{rng.randrange(10**6)}\n"
        segments += [Segment(SegmentKind.CODE, code), Segment(SegmentKind.OUTPUT, printed)]
        segments.append(Segment(SegmentKind.TEXT, _prose(rng, 40)))
        executions.append(ExecutionRecord("ok", code, printed, "", None, rng.uniform(0.005, 0.2)))
    segments.append(Segment(SegmentKind.ANSWER, answer))
    token_ids, mask = _tokens(segments)
    return Rollout(
        id=rollout_id(assignment.id, sample),
        problem_id=assignment.problem.id,
        purpose=assignment.purpose,
        outcome=outcome,
        solution_format="tir",
        prompt_ids=tuple(_encode(assignment.problem.question)),
        token_ids=token_ids,
        model_mask=mask,
        spans=(PolicySpan(version, 0, len(token_ids)),),
        segments=tuple(segments),
        executions=tuple(executions),
        answer=answer,
        assignment_id=assignment.id,
        seconds=rng.uniform(1, 20),
        logprobs=tuple(-rng.expovariate(2) if by_policy else math.nan for by_policy in mask),
        temperature=0.8,
        top_p=1.0,
        engine_build="vllm 0.32.0, bfloat16, tensor parallel 1",
        generate_s=rng.uniform(1, 20),
        execute_s=rng.uniform(0, 1),
        check_s=rng.uniform(0, 0.1),
    )


def make_rollouts(assignments: list[Assignment], version: int, seed: int, *, copies: float = 0.0) -> Iterator[Rollout]:
    """The rollouts of all pending samples; about half are accepted. A share of `copies`, except the first of a problem,
    repeats an earlier one of its problem under other names. All others are different.
    """
    rng, naming = random.Random(seed), random.Random(-seed - 1)
    for assignment in assignments:
        contents: list[tuple[int, Outcome]] = []
        for sample in assignment.pending:
            if not contents or rng.random() >= copies:
                outcome = rng.choice((Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.WRONG, Outcome.NO_ANSWER))
                contents.append((rng.getrandbits(64), outcome))
                content, outcome = contents[-1]
            else:
                content, outcome = rng.choice(contents)
            yield make_rollout(assignment, sample, outcome, version, random.Random(content), naming)


def make_question(number: int) -> str:
    """A question of about fifty words, determined by the number."""
    return f"({number}) " + _prose(random.Random(number), 50)


def _prose(rng: random.Random, words: int) -> str:
    return " ".join(rng.choice((*_WORDS, str(rng.randrange(1000)))) for _ in range(words)) + ".\n"


def _code(rng: random.Random, naming: random.Random) -> str:
    names = naming.sample(_NAMES, 4)
    lines = [f"{name} = {rng.randrange(1000)}" for name in names[:2]]
    lines.append(f"{names[2]} = {names[0]} {rng.choice('+-*')} {names[1]} {rng.choice('+-*')} {rng.randrange(100)}")
    lines.append(f"for {names[3]} in range({rng.randrange(2, 30)}):")
    lines.append(f"    {names[2]} += {names[3]} {rng.choice('*%')} {rng.randrange(1, 9)}")
    lines += [f"if {names[2]} > {rng.randrange(999)}:", f"    {names[2]} = {names[2]} - {names[0]}"]
    lines.append(f"print({names[2]})\n")
    return "\n".join(lines)


def _tokens(segments: list[Segment]) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    ids: list[int] = []
    mask: list[bool] = []
    for segment in segments:
        new = _encode(segment.text)
        ids += new
        mask += [segment.kind is not SegmentKind.OUTPUT] * len(new)
    return tuple(ids), tuple(mask)


def _encode(text: str) -> list[int]:
    """A stand-in for a tokenizer, with a similar number of tokens and similar repetition."""
    return [zlib.crc32(piece.encode()) % VOCABULARY for piece in re.findall(r" ?[A-Za-z]+| ?\d{1,3}|\s+|.", text)]
