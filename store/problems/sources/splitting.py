"""When two problems are the same, and on which side of the held-out line they stand."""

import hashlib
import re
import unicodedata

from store.records import Split

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def question_key(question: str) -> str:
    """Equal for questions that differ in case, layout and the encoding of accents alone."""
    words = "".join(unicodedata.normalize("NFC", question).casefold().split())
    return f"question:{hashlib.sha256(words.encode()).hexdigest()[:32]}"


def operands_key(task: str, question: str) -> str:
    """Equal for questions of a task that hold the same numbers in any order: 3 * 7 and 7 * 3."""
    numbers = sorted(_NUMBER.findall(question), key=lambda number: (float(number), number))
    return f"{task}:{','.join(numbers)}" if numbers else question_key(question)


def side(split_key: str, heldout_fraction: float) -> Split:
    """By the key's hash, so that a problem is on the same side in every run, whatever it is imported with."""
    share = int.from_bytes(hashlib.sha256(split_key.encode()).digest()[:8]) / 2**64
    return Split.HELDOUT if share < heldout_fraction else Split.TRAIN


def made_id(source: str, split_key: str) -> str:
    """An id for a problem that has none."""
    return f"{source}-{hashlib.sha256(split_key.encode()).hexdigest()[:12]}"
