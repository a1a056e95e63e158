"""The trivial steps from an output to an answer that the output does not show itself."""

import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import ceil, floor

from actors.support.answers import Answer
from actors.support.numbers import Number, evaluate, numbers_in, same_number, same_value

_PERCENT = re.compile(r"%|percent|\bcents?\b|probability|hundred", re.IGNORECASE)
_ROUNDING = re.compile(
    r"\b(?:round\w*|nearest|whole|full|complete\w*|at (?:least|most)|integer|floor|ceil\w*|minimum|partial|fraction of|"
    r"must be|can(?:no|')t|enough)\b",
    re.IGNORECASE,
)
_SUM = re.compile(r"(?<![a-zA-Z])[a-zA-Z]\s*\+\s*[a-zA-Z](?:\s*\+\s*[a-zA-Z])*(?![a-zA-Z])")
_COUNTING = re.compile(r"how many|number of|there are|count", re.IGNORECASE)
_COMMAND = re.compile(r"\\(?:times|cdot|div|frac|left|right|sqrt)(?![a-z])")
_TERM = r"[-+\d.,$()*/^×·\s{}]+"
_AT_END = re.compile(rf"{_TERM}(?:§(?:times|cdot|div|frac|left|right|sqrt){_TERM})*\Z")
_WORDS = re.compile(r"\\text\s*\{[^{}]*\}|(?<!§)\b[A-Za-z]{2,}\b|[$,%]")
_CHAIN = re.compile(r"\(?\d[\d.]*\)?(?:\s*(?:[-+*/×·]|§times|§cdot|§div)\s*\(?\d[\d.]*\)?)+\s*\Z")
_MAX_EQUATIONS = 20
_CLOSE = 0.05  # relative; a whole number this close to the output is its rounding, whether or not the text says so
_YES = {"true": ("yes", "true", "correct"), "false": ("no", "false", "incorrect")}


def follows(answer: Answer, outputs: Sequence[str], question: str, text: str) -> bool:
    """Whether the answer follows from an output by a step that needs no code.

    The steps: rounding, a factor of 100 for percent, the sum of the terms of a fraction or tuple where the question
    has `m + n`, the count of a list, an equation in the text that has a number of an output, `yes` for `True`.

    Args:
        answer: the answer, which no output shows.
        outputs: what the code computed, per block.
        question: the problem.
        text: the text after the last output.
    """
    outputs = [output for output in outputs if output.strip()]
    if not outputs:
        return False
    if answer.number is None:
        return _is_yes_or_no(answer, outputs[-1]) or _is_stated(answer, outputs, text)
    numbers = [number for output in outputs for number in numbers_in(output)]
    return (
        _is_rounded(answer.number, numbers, f"{question} {text}")
        or _is_percent(answer, numbers, f"{question} {text}")
        or _is_sum(answer.number, outputs, question)
        or _is_count(answer.number, outputs[-1], f"{question} {text}")
        or _is_stated(answer, outputs, text)
    )


def _is_rounded(wanted: Number, numbers: Iterable[Number], context: str) -> bool:
    unit = Fraction(1, 10**wanted.decimals)
    if wanted.value % unit:  # a fraction, which is no rounding
        return False
    for number in numbers:
        difference = abs(number.value - wanted.value)
        if number.decimals <= wanted.decimals or difference >= unit:
            continue
        near = difference <= unit / 2 or (wanted.decimals == 0 and difference <= Fraction(_CLOSE) * abs(wanted.value))
        if near and (wanted.value or not number.value or difference <= unit / 2):
            return True
        whole = wanted.value in (floor(number.value), ceil(number.value))
        if wanted.decimals == 0 and whole and _ROUNDING.search(context):
            return True
    return False


def _is_percent(answer: Answer, numbers: Iterable[Number], context: str) -> bool:
    assert answer.number is not None
    if not (answer.percent or _PERCENT.search(context)):
        return False
    wanted = answer.number
    for number in numbers:
        for value, decimals in ((number.value * 100, max(number.decimals - 2, 0)), (number.value / 100, 9)):
            if same_number(wanted, Number(value, decimals)) or _is_rounded(wanted, [Number(value, decimals)], ""):
                return True
    return False


def _is_sum(wanted: Number, outputs: Sequence[str], question: str) -> bool:
    """The `m + n` of a fraction m/n, or the sum of a tuple, as contests ask for it."""
    if not _SUM.search(question.replace("$", "")):
        return False
    for output in outputs:
        for line in output.split("\n")[-5:]:
            terms = [number.value for number in numbers_in(line.replace("/", " ; "))]
            if 2 <= len(terms) <= 6 and sum(terms) == wanted.value:
                return True
    return False


def _is_count(wanted: Number, output: str, context: str) -> bool:
    if not _COUNTING.search(context):
        return False
    line = output.strip().rpartition("\n")[2]
    items = line.count(",") + 1 if line[:1] in "[({" and line.strip("[](){} ") else 0
    lines = len([one for one in output.split("\n") if one.strip()])
    return wanted.value == items or (lines > 1 and wanted.value == lines)


def _is_stated(answer: Answer, outputs: Sequence[str], text: str) -> bool:
    """Whether the text has an equation whose value is the answer, and that uses a number of an output."""
    target = complex(answer.number) if answer.number else answer.value
    if target is None:
        return False
    printed = {number.value for output in outputs for number in numbers_in(output)}
    tolerance = 1e-3 if answer.number and answer.number.rounded else 1e-9
    for expression in _left_sides(text):
        terms = {number.value for number in numbers_in(re.sub(r"[-*/^+{}]", " ", expression))}
        value = evaluate(expression)
        if value is not None and len(terms) > 1 and terms & printed and same_value(value, target, tolerance):
            return True
    return False


def _left_sides(text: str) -> Iterator[str]:
    """The arithmetic expressions left of equality signs, and those that remain without the words in `5 boxes * 12`."""
    for count, part in enumerate(text.split("=")[:-1]):
        if count >= _MAX_EQUATIONS:
            return
        tail = _COMMAND.sub(lambda found: found.group().replace("\\", "§"), part[-120:])
        for found in (_AT_END.search(re.sub(r"[$,]", "", tail)), _CHAIN.search(_WORDS.sub(" ", tail))):
            if found and any(character.isdigit() for character in found.group()):
                yield found.group().replace("§div", "/").replace("§", "\\").strip(" .")


def _is_yes_or_no(answer: Answer, output: str) -> bool:
    last = output.strip().rpartition("\n")[2].strip().casefold()
    return any(answer.words in meanings and last.endswith(printed) for printed, meanings in _YES.items())
