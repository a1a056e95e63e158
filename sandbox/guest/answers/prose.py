"""Recognises sentences, and prepares them for the extraction of an answer."""

import re

_COMMAND = re.compile(r"\\(?:text|textbf|textit|mathrm|mbox|operatorname|begin|end)\s*\{[^{}]*\}|\\[a-zA-Z]+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_WIDE = "\u3040-\u30ff\u3400-\u9fff\uff00-\uffef"
_BESIDE_WIDE = re.compile(rf"(?<=[{_WIDE}])(?=[0-9$\\])|(?<=[0-9$}}])(?=[{_WIDE}])")
_AMOUNT = re.compile(r"(?<![\w.,])[0-9][0-9.,]*[0-9]\s*(?=[$€£](?![0-9\\]))|(?<=[€£])\s*[0-9][0-9.,]*[0-9]")
_SENTENCE_END = re.compile(r"[.!?]\s|[。！？\n]")
_WORDS = 3  # fewer may name what is counted


def is_prose(text: str) -> bool:
    """Whether `text` is a sentence around an answer rather than an answer."""
    text = text.replace("\\$", "")
    bare = _COMMAND.sub(" ", text)
    words = len(_WORD.findall(bare))
    return words > _WORDS or (words > 0 and "$" in text.strip("$") and not text.startswith("$")) or "\n" in bare.strip()


def for_extraction(text: str) -> str:
    """Prepare `text` for math-verify: reduce it to its last amount of money, or space numbers from CJK text."""
    last = _SENTENCE_END.split(text.rstrip(" .\n"))[-1]
    amounts = _AMOUNT.findall(last)
    if amounts and text.count("$") < 2:
        return str(amounts[-1]).strip()
    return _BESIDE_WIDE.sub(" ", text)
