"""The verdict on a rollout's answer: the first rule that applies decides."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from actors.support.answers import Answer, read_answer
from actors.support.blocks import OUTPUT_CHARS, Block, read_blocks, text_after
from actors.support.numbers import numbers_in, same_number
from actors.support.printed import Printed
from actors.support.program import Program
from actors.support.steps import follows
from store.records import ExecutionRecord, Outcome, Rollout, Segment, Support
from store.solutions.normal_form import NO_PROGRAM

log = logging.getLogger(__name__)


class Rule(StrEnum):
    """The rules, in the order in which they are tried. `docs/support.md` has an example of each."""

    NO_CODE = "no_code"
    IN_OUTPUT = "in_output"
    FROM_OUTPUT = "from_output"
    CHECKED = "checked"
    PRINTS_CONSTANT = "prints_constant"
    ONE_OF_MANY = "one_of_many"
    ALL_BLOCKS_FAILED = "all_blocks_failed"
    INTERPRETED = "interpreted"
    CODE_DISAGREED = "code_disagreed"
    IN_QUESTION = "in_question"
    NOT_IN_OUTPUT = "not_in_output"


_SUPPORTING = frozenset((Rule.IN_OUTPUT, Rule.FROM_OUTPUT, Rule.CHECKED, Rule.INTERPRETED))
_MANY = 100  # numbers in one output, any of which a guess could point to


class Judgement(NamedTuple):
    """A verdict and the rule that decided it; both None if the rollout could not be judged."""

    support: Support | None = None
    rule: str | None = None


class _Evidence(NamedTuple):
    """A block, what it printed, and the part of its output that was computed."""

    block: Block
    printed: Printed
    computed: str


def with_support(rollout: Rollout, question: str) -> Rollout:
    """The rollout with its verdict if it is accepted; any other stays as it is."""
    if rollout.outcome is not Outcome.ACCEPTED:
        return rollout
    support, rule = judge_support(rollout.segments, rollout.executions, rollout.answer, question)
    return replace(rollout, support=support, support_rule=rule)


def judge_support(
    segments: Sequence[Segment], executions: Sequence[ExecutionRecord], answer: str | None, question: str
) -> Judgement:
    """Decide whether an accepted answer follows from what the rollout's code printed. Never raises.

    Args:
        segments: of the rollout.
        executions: of its code blocks, in order; a solution from a file has none.
        answer: its answer, which equals the reference.
        question: the problem.
    """
    try:
        rule = _decide(segments, executions, answer or "", question[:OUTPUT_CHARS])
    except (*NO_PROGRAM, ArithmeticError, LookupError, TypeError):
        log.warning("the support of an answer was not judged", exc_info=True)  # a verdict is not worth a rollout
        return Judgement()
    if rule is Rule.NO_CODE:
        return Judgement(Support.NO_CODE, rule.value)
    return Judgement(Support.SUPPORTED if rule in _SUPPORTING else Support.UNSUPPORTED, rule.value)


def _decide(segments: Sequence[Segment], executions: Sequence[ExecutionRecord], written: str, question: str) -> Rule:
    blocks = read_blocks(segments, executions)
    if not blocks:
        return Rule.NO_CODE
    answer = read_answer(written)
    evidence = _evidence(blocks, question)
    computed = [one.computed for one in evidence]
    showing = [output for output in computed if answer.is_shown_by(output)]
    if showing and not all(_hides(answer, output) for output in showing):
        return Rule.IN_OUTPUT
    if not showing and follows(answer, computed, question, text_after(segments)):
        return Rule.FROM_OUTPUT
    if any(_confirms(answer, one) for one in evidence):
        return Rule.CHECKED
    return Rule.ONE_OF_MANY if showing else _why_unsupported(answer, evidence, question)


def _evidence(blocks: Sequence[Block], question: str) -> list[_Evidence]:
    program, evidence = Program(question), []
    for block in blocks:
        printed = program.add_block(block.source)
        computed = printed.computed_part(block.output)
        program.give(computed)
        evidence.append(_Evidence(block, printed, computed))
    return evidence


def _hides(answer: Answer, output: str) -> bool:
    """Whether the answer is but one of very many numbers, and not the last line."""
    many = sum(1 for _ in zip(numbers_in(output), range(_MANY + 1), strict=False)) > _MANY
    last = output.strip().rpartition("\n")[2]
    return many and not (len(last) < len(output) // 4 and answer.is_shown_by(last))


def _confirms(answer: Answer, evidence: _Evidence) -> bool:
    """Whether a block compared something with the answer, which stands in it, and printed True."""
    if not evidence.printed.compares or "True" not in evidence.computed:
        return False
    number = answer.number
    return number is not None and any(same_number(number, other) for other in numbers_in(evidence.block.source))


def _why_unsupported(answer: Answer, evidence: Sequence[_Evidence], question: str) -> Rule:
    """The rule for an answer that nothing computed shows; words may still be the reading of a result."""
    if any(answer.is_shown_by(one.block.output) for one in evidence):
        return Rule.PRINTS_CONSTANT
    if all(one.block.failed for one in evidence):
        return Rule.ALL_BLOCKS_FAILED
    results = [one.computed for one in evidence if not one.block.failed and one.computed.strip()]
    if answer.is_words and results:
        return Rule.INTERPRETED
    if results and sum(1 for _ in numbers_in(results[-1].strip().rpartition("\n")[2])) == 1:
        return Rule.CODE_DISAGREED
    if answer.number is not None and any(same_number(answer.number, other) for other in numbers_in(question)):
        return Rule.IN_QUESTION
    return Rule.NOT_IN_OUTPUT
