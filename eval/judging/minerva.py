"""Minerva's rule: answers are equal as texts after a normalisation, or by algebra.

The rule for MATH of Lewkowycz et al. 2022, "Solving quantitative reasoning problems with language models" (arXiv
2206.14858), appendix D. Words are removed between LaTeX commands, not inside them: the paper's listing makes `\\le(`
of `\\left(` where it removes `ft`, which its successors repair in the same way.
"""

import re
from functools import lru_cache

from eval.judging.rule import Algebra

_SUBSTITUTIONS = (
    ("an ", ""),
    ("a ", ""),
    (".$", "$"),
    (r"\$", ""),
    ("\\ ", ""),
    (" ", ""),
    ("mbox", "text"),
    (r",\text{and}", ","),
    (r"\text{and}", ","),
    (r"\text{m}", r"\text{}"),
)
_WORDS = """
    square ways integers dollars mph inches ft hours km units sue points feet minutes digits cents degrees cm gm pounds
    meters meals edges students childrentickets multiples
"""
_WORD_OR_COMMAND = re.compile(rf"(\\[a-zA-Z]+)|{'|'.join(_WORDS.split())}")
_REMOVED = (
    r"\ldots", r"\text{s}", r"\text{.}", "\\text{\ns}", r"\text{}^2", r"\text{}^3", "\\text{\n}", r"\text{}",
    r"\mathrm{th}", r"^\circ", r"^{\circ}", r"\;", r",\!", "{,}", '"', r"\dots",
)  # fmt: skip
_WRAPPERS = (r"\\text\{(.*?)\}", r"\\textbf\{(.*?)\}", r"\\overline\{(.*?)\}", r"\\boxed\{(.*)\}")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+")


class MinervaRule:
    """Minerva's rule for MATH."""

    def __init__(self, algebra: Algebra) -> None:
        self._algebra = algebra

    async def is_right(self, reference: str, answer: str) -> bool:
        """Whether an answer is right where `reference` is."""
        left, right = normalise_final_answer(reference), normalise_final_answer(answer)
        if not right:
            return False
        return left == right or bool((await self._algebra.relate(left, right)).equal)


@lru_cache(maxsize=100_000)
def normalise_final_answer(text: str) -> str:
    """The normalised answer: the right side of an equation, without units, spaces and formatting."""
    text = text.split("=")[-1]
    text = _WORD_OR_COMMAND.sub(lambda found: found[1] or (found[0] if _is_inside_word(found) else ""), text)
    for old, new in _SUBSTITUTIONS:
        text = text.replace(old, new)
    text = _WORD_OR_COMMAND.sub(lambda found: found[1] or "", text)
    for expression in _REMOVED:
        text = text.replace(expression, "")
    text = re.sub(r"^.*?\$(.*?)\$.*$", r"$\1$", text, flags=re.DOTALL)
    for wrapper in _WRAPPERS:
        text = re.sub(wrapper, r"\1", text)
    text = re.sub(r"frac([^{])(.)", r"frac{\1}{\2}", text)
    text = re.sub(r"sqrt(\[[^\]]*\])(\w)", r"sqrt\1{\2}", text)
    text = re.sub(r"sqrt([^{\[])", r"sqrt{\1}", text)
    text = text.replace("$", "")
    return text.replace(",", "") if _THOUSANDS.fullmatch(text) else text


def _is_inside_word(found: re.Match[str]) -> bool:
    """Whether a word that is to be removed is a part of another one, as long as spaces tell."""
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    return before.isalnum() or after.isalnum()
