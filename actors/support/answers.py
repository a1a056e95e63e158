"""The answer of a rollout, and whether an output shows it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from actors.support.numbers import Number, as_number, evaluate, numbers_in, same_number, same_value
from sandbox.equivalence import Verdict, compare_plain
from sandbox.guest.answers.notation import final_answer, plain_text
from sandbox.guest.answers.quantities import QUANTITY_CHARS, read_quantity

_MAX_LINES = 40  # of an output, that are read as expressions
_LINE_CHARS = 200
_SEPARATOR = re.compile(r"\\\\|[&,;<>]|\\(?:cup|leq?|geq?|lt|gt|text\s*\{[^{}]*\})|\b(?:and|or)\b|\bU\b")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}(?:\{[^{}]*\})?")
_BRACKETS = re.compile(r"^[\s(\[{\\]+|[\s)\]}\\]+$")
_WORD = re.compile(r"\w+")
_NAMED = re.compile(r"^\s*\\?[a-zA-Z](?:_\{?\w+\}?)?\s*=\s*(?=[^=<>]+$)")  # x = 3
_LABEL = re.compile(r"^[^=:]*[=:]\s*")
_CLOSE = 1e-4  # relative; between a closed form and the decimals that were printed


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in the forms in which outputs are searched for it.

    `number` is set for a quantity, `value` for any numeric expression or formula, `parts` for lists of them.
    """

    text: str
    number: Number | None
    percent: bool
    value: complex | None
    parts: tuple[complex, ...]
    words: str

    @property
    def is_words(self) -> bool:
        """Whether the answer is words, which the text may have derived from what the code computed."""
        return self.number is None and self.value is None and not self.parts

    def is_shown_by(self, output: str) -> bool:
        """Whether the output shows the answer, by value or as text."""
        if not output.strip():
            return False
        if self.number is not None:
            return self._number_is_in(output)
        if self.text and self.text in output:
            return True
        lines = [line for line in output.split("\n") if line.strip()]
        shown = [line.strip() for line in (*lines[: _MAX_LINES // 2], *lines[_MAX_LINES // 2 :][-_MAX_LINES // 2 :])]
        if self.value is not None:
            return any(self._is_value_of(line) for line in shown)
        if self.parts:
            return self._parts_are_in(output, shown)
        return self._words_are_in(output) or any(self._equals(line) for line in shown)

    def _number_is_in(self, output: str) -> bool:
        assert self.number is not None
        number = self.number
        numbers = list(numbers_in(output))
        if any(same_number(number, other) for other in numbers):
            return True
        if self.percent and any(same_number(number, Number(100 * n.value, max(n.decimals - 2, 0))) for n in numbers):
            return True
        if not any(character.isalpha() for character in output):
            return False
        lines = output.split("\n")[-_MAX_LINES // 2 :]
        return any(same_value(complex(number), v, 1e-6) for v in _values(lines))

    def _is_value_of(self, line: str) -> bool:
        value = self.value
        assert value is not None
        if any(same_value(value, other) for other in _values([line])):
            return True
        return value.imag == 0 and any(
            n.decimals > 2 and same_value(value, complex(n), _CLOSE) for n in numbers_in(line)
        )

    def _parts_are_in(self, output: str, lines: Sequence[str]) -> bool:
        """Whether each part is a number of the output, or an item of one of its lines."""
        found = [complex(number) for number in numbers_in(output)]
        found += [value for line in lines for value in _values([line, *_items(line)])]
        return all(any(same_value(part, other, _CLOSE) for other in found) for part in self.parts)

    def _words_are_in(self, output: str) -> bool:
        return bool(self.words) and f" {self.words} " in f" {_words_of(output)} "

    def _equals(self, line: str) -> bool:
        return len(line) <= _LINE_CHARS and compare_plain(self.text, line) is Verdict.EQUAL


def read_answer(answer: str) -> Answer:
    """Read an answer, which may have a box, dollars, a unit or words around its number."""
    plain = as_number(answer)
    if plain is not None:
        return Answer(answer, plain, False, None, (), answer)
    text = _NAMED.sub("", final_answer(answer[: 2 * QUANTITY_CHARS]))
    quantity = read_quantity(text)
    if quantity is not None:
        decimals = len(re.sub(r"[^\d.]", "", text).partition(".")[2]) if quantity.rounded else 0
        return Answer(text, Number(quantity.value, decimals), quantity.percent, None, (), _words_of(text))
    value = evaluate(_right_side(text)) if _is_formula(text) else None
    parts = tuple(v for item in _items(text) if (v := evaluate(_right_side(item))) is not None and _is_formula(item))
    complete = value is None and len(parts) > 1 and len(parts) == len(_items(text))
    return Answer(text, None, False, value, parts if complete else (), _words_of(text))


def _values(lines: Sequence[str]) -> list[complex]:
    texts = (_right_side(line.strip()) for line in lines if _is_formula(line))
    return [value for text in texts if (value := evaluate(text.strip("[]"))) is not None]


def _right_side(text: str) -> str:
    """The value of `x = 3` and `Total: 3`."""
    return _LABEL.sub("", text, count=1) if "=" in text or ":" in text else text


def _is_formula(text: str) -> bool:
    """Whether a text can be an expression: words in it would be read as products of letters."""
    if not _HAS_OPERATION.search(text):
        return False  # a letter is the name of a choice
    text = _right_side(re.sub(r"\\[a-zA-Z]+", " ", text))
    words = (word for word in re.findall(r"[A-Za-z]+", text))
    return len(text) <= _LINE_CHARS and all(len(word) == 1 or word in _FORMULA_WORDS for word in words)


_HAS_OPERATION = re.compile(r"\d|pi|sqrt|[-+*/^]")
_FORMULA_WORDS = frozenset(("sqrt", "pi", "exp", "log", "ln", "sin", "cos", "tan", "asin", "acos", "atan", "Abs", "abs",
                            "xy", "ab", "and", "or"))  # fmt: skip


def _items(text: str) -> list[str]:
    """The parts of a list, tuple, set, vector, interval or inequality."""
    items = (_BRACKETS.sub("", item) for item in _SEPARATOR.split(_ENVIRONMENT.sub(" ", text[: 2 * _LINE_CHARS])))
    return [item for item in items if item.strip()]


def _words_of(text: str) -> str:
    return " ".join(_WORD.findall(plain_text(text).casefold()))
