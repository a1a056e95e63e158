"""Solutions as tokens of a tokenizer that has one for every byte."""

from typing import NamedTuple

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

HOSTILE = (
    "</code></pre></script><script>alert(1)</script><img src=x onerror=alert(1)> "
    "![pixel](http://198.51.100.7/pixel.png) [link](javascript:alert(1)) "
    "\x1b]8;;http://198.51.100.7\x07link\x1b[31m \u202egnp.exe\u202c \0 \"'><svg onload=alert(1)>"
)


class Written(NamedTuple):
    """The parts of a solution with one code block."""

    prose: str
    code: str
    output: str
    conclusion: str
    answer: str


def byte_tokenizer() -> Tokenizer:
    """Every byte is a token, so that characters beyond ASCII have several; the last one is special."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: number for number, character in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<eos>"])
    return tokenizer


def write_solution(written: Written) -> tuple[tuple[int, ...], tuple[bool, ...], int]:
    """The tokens after the prompt, the mask of those that the policy wrote, and where its second turn begins."""
    tokenizer = byte_tokenizer()
    first = tokenizer.encode(f"{written.prose}\n```python\n{written.code}\n```\n").ids
    output = tokenizer.encode(f"```output\n{written.output}\n```\n").ids
    last = [*tokenizer.encode(f"{written.conclusion}\\boxed{{{written.answer}}}").ids, tokenizer.token_to_id("<eos>")]
    mask = [True] * len(first) + [False] * len(output) + [True] * len(last)
    return (*first, *output, *last), tuple(mask), len(first) + len(output)
