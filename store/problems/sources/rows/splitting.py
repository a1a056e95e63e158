"""Split keys, which identify equal problems, and the split and id that follow from a key."""

import hashlib
import re
import unicodedata

from store.records import Split

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def question_key(question: str) -> str:
    """A key that is equal for questions that differ only in case, whitespace and the encoding of accents."""
    normalised = "".join(unicodedata.normalize("NFC", question).casefold().split())
    return f"question:{hashlib.sha256(normalised.encode()).hexdigest()[:32]}"


def operands_key(task: str, question: str) -> str:
    """A key that is equal for questions of a task with the same numbers in any order: 3 * 7 and 7 * 3."""
    numbers = sorted(_NUMBER.findall(question), key=lambda number: (float(number), number))
    return f"{task}:{','.join(numbers)}" if numbers else question_key(question)


def split_of_key(split_key: str, heldout_fraction: float) -> Split:
    """The split by the key's hash: a problem has the same split in every run, whatever it is imported with."""
    share = int.from_bytes(hashlib.sha256(split_key.encode()).digest()[:8]) / 2**64
    return Split.HELDOUT if share < heldout_fraction else Split.TRAIN


def generate_id(source: str, split_key: str) -> str:
    """An id for a problem without one."""
    return f"{source}-{hashlib.sha256(split_key.encode()).hexdigest()[:12]}"
