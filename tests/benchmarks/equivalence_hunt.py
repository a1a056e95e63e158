"""A hunt for different answers that are judged equal, among the references of different problems.

    python tests/benchmarks/equivalence_hunt.py [--data FOLDER] [--pairs N]

Pairs up all references of MATH that share a beginning, an end or a number (over 200,000 pairs of different texts), and
lists every pair that is judged equal with the rule that explains it. Exits with code 1 if no rule does. math-verify
compares the same pairs with `--math-verify`, which takes hours.
"""

import argparse
import itertools
import json
import random
import re
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)

from sandbox.guest.answers.notation import final_answer, plain_text  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
PAIRS_WANTED = 200_000
LIMIT_S = 5
LARGEST_GROUP = 320  # of references that share a beginning or an end; those that share all numbers are all compared
CHUNK = 500
# What a stated convention lets both sides have or lack: see docs/equivalence.md.
IGNORED = (
    ("a name", re.compile(r"^(?:\\?[a-zA-Z]+(?:_\{?\w+\}?)?(?:\([a-z]\))?\s*=\s*|[a-zA-Z]\s*\\in\s*)")),
    ("a base", re.compile(r"_\{?[0-9]+\}?$")),
    ("a percent sign", re.compile(r"\\?%")),
    ("a currency", re.compile(r"\\?\$|\\text\{[^}]*\bcents?\}|\b(?:dollars?|cents?|euros?)\b")),
    ("degrees", re.compile(r"\^\{?\\circ\}?|\\text\{\s*degrees\s*\}|degrees")),
    (
        "a unit or what is counted",
        re.compile(r"\\(?:text|mbox|textnormal|mathrm)\s*\{[^{}]*\}(?:\^\{?[23]\}?)?|[a-z ]+$"),
    ),
)


class Found(NamedTuple):
    """A pair that was not judged different, or took over a second."""

    verdict: str
    seconds: float
    expected: str
    given: str


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with math/")
    parser.add_argument("--pairs", type=int, help="compare so many of the pairs, chosen at random")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--math-verify", action="store_true", help="compare with math-verify instead")
    arguments = parser.parse_args()
    if not (arguments.data / "math/train.jsonl").is_file():
        parser.error(f"{arguments.data}/math/train.jsonl does not exist: name the data folder with --data")
    pairs = pair_up(read_references(arguments.data))
    if arguments.pairs and arguments.pairs < len(pairs):
        pairs = random.Random(0).sample(pairs, arguments.pairs)
    began = time.monotonic()
    with ProcessPoolExecutor(arguments.processes) as processes:
        chunks = [pairs[start : start + CHUNK] for start in range(0, len(pairs), CHUNK)]
        judge = judge_with_math_verify if arguments.math_verify else judge_with_ours
        found = [item for chunk in processes.map(judge, chunks) for item in chunk]
    return report(found, len(pairs), time.monotonic() - began)


def report(found: Sequence[Found], count: int, seconds: float) -> int:
    """Print the pairs judged equal by rule, those without a rule, and the undecided ones."""
    counts = Counter(item.verdict for item in found)
    print(
        f"{count} pairs in {seconds:.0f} s: {count - len(found)} different, "
        + ", ".join(f"{n} {v}" for v, n in counts.items())
    )
    by_rule: defaultdict[str, list[Found]] = defaultdict(list)
    for item in found:
        if item.verdict == "equal":
            by_rule[rule_of(item.expected, item.given)].append(item)
    for rule, items in sorted(by_rule.items(), key=lambda entry: -len(entry[1])):
        examples = "; ".join(f"{item.expected} and {item.given}" for item in items[:3])
        print(f"  {len(items):5} equal: {rule}, such as {examples}")
    for item in by_rule["no rule"]:
        print(f"    {item.expected}  |  {item.given}")
    for item in sorted((item for item in found if item.verdict not in ("equal", "different")), key=lambda i: i.verdict):
        print(f"  {item.verdict}: {item.expected}  |  {item.given}")
    longest = max((item.seconds for item in found), default=0)
    print(f"longest {longest:.1f} s; equal without a rule: {len(by_rule['no rule'])}")
    return 1 if by_rule["no rule"] or count < PAIRS_WANTED else 0


def read_references(data: Path) -> list[str]:
    """The distinct references of MATH, normalised."""
    lines = [line for name in ("train", "test") for line in (data / f"math/{name}.jsonl").read_text().splitlines()]
    return sorted({final_answer(json.loads(line)["answer"]) for line in lines} - {""})


def pair_up(references: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of references that share all their numbers, one number, a beginning or an end."""
    groups: defaultdict[tuple[str, ...], set[int]] = defaultdict(set)
    for position, reference in enumerate(references):
        for key in _keys(reference):
            groups[key].add(position)
    rng = random.Random(0)
    pairs: set[tuple[int, int]] = set()
    for key, group in groups.items():
        members = sorted(group)
        if key[0] != "numbers" and len(members) > LARGEST_GROUP:
            members = sorted(rng.sample(members, LARGEST_GROUP))
        pairs.update(itertools.combinations(members, 2))
    return [(references[a], references[b]) for a, b in sorted(pairs)]


def _keys(reference: str) -> Iterator[tuple[str, ...]]:
    numbers = re.findall(r"[0-9]+", reference)
    if numbers:
        yield ("numbers", *sorted(numbers))
        yield "first", numbers[0], str(len(reference) // 4)
        yield "last", numbers[-1], str(len(reference) // 6)
    yield "beginning", reference[:4]
    yield "short beginning", reference[:2], str(len(reference))
    yield "end", reference[-5:]


def judge_with_ours(pairs: Sequence[tuple[str, str]]) -> list[Found]:
    """The pairs that are not different, by the comparison that runs inside the jail; references need no jail."""
    from sandbox.guest.answers.symbolic import same

    return _judge(pairs, same)


def judge_with_math_verify(pairs: Sequence[tuple[str, str]]) -> list[Found]:
    """The pairs that math-verify, as its manual uses it, calls equal."""
    from math_verify import parse, verify

    def compare(expected: str, given: str) -> str:
        gold, target = (parse(f"${text}$", parsing_timeout=None) for text in (expected, given))
        return "equal" if verify(gold, target, timeout_seconds=None) else "different"

    return _judge(pairs, compare)


def _judge(pairs: Sequence[tuple[str, str]], compare) -> list[Found]:  # type: ignore[no-untyped-def]
    def stop(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    found = []
    for expected, given in pairs:
        began = time.monotonic()
        signal.alarm(LIMIT_S)
        try:
            verdict = compare(expected, given)
        except TimeoutError:
            verdict = f"undecided: not within {LIMIT_S} s"
        except Exception as error:
            verdict = f"undecided: {type(error).__name__}"
        finally:
            signal.alarm(0)
        seconds = time.monotonic() - began
        if verdict != "different" or seconds > 1:
            found.append(Found(verdict, seconds, expected, given))
    return found


def rule_of(expected: str, given: str) -> str:
    """The rule that explains why two different texts are equal; `no rule` if none of these does."""
    left, right = (_compact(text) for text in (expected, given))
    written = expected, given
    if left == right:
        return "the same but for spaces, brackets around it, and markup"
    dropped = []
    for rule, pattern in IGNORED:
        shorter = [_compact(pattern.sub("", text.strip())) for text in (expected, given)]
        if shorter != [left, right]:
            dropped.append(rule)
        expected, given = (pattern.sub("", text.strip()) for text in (expected, given))
    if dropped and (_compact(expected) == _compact(given) or _same_value(expected, given)):
        return f"one has {' and '.join(dropped)}"
    if sorted(re.split(r"[,;]|\\(?:cup|text\{and\})", left)) == sorted(re.split(r"[,;]|\\(?:cup|text\{and\})", right)):
        return "the items of a list in another order, or a vector as a tuple"
    named = [IGNORED[0][1].sub("", text) for text in written]
    if _same_value(*written) or _same_value(*named):
        return "the same value, computed by floating point"
    if re.fullmatch(r"[0-9]+,[0-9]+", left) or re.fullmatch(r"[0-9]+,[0-9]+", right):
        return "a decimal comma"
    return "no rule"


def _compact(text: str) -> str:
    text = plain_text(re.sub(r"\\(?:left|right|begin\{[bpv]?matrix\}|end\{[bpv]?matrix\}|[,;!])", "", text))
    text = re.sub(r"\\[dt]frac", r"\\frac", text).replace(r"\\", ",")
    return re.sub(r"[\s{}$]", "", text).strip(".,").strip("()[]").casefold()


def _same_value(expected: str, given: str) -> bool:
    """Whether Python's floats give the same value to both, as an independent check; variables have arbitrary values."""
    values = [_float(text) for text in (expected, given)]
    return None not in values and abs(values[0] - values[1]) <= 1e-3 * max(1e-3, abs(values[0]))  # type: ignore[operator]


def _float(text: str) -> complex | None:
    import cmath

    text = re.sub(r"\\(?:left|right|[,;! ])|\\text\{[^}]*\}|[$]", "", text).replace(r"\%", "/100").replace(":", "/")
    text = re.sub(r"^([0-9]+)\s*\\[dt]?frac", r"\1+\\frac", text)
    for pattern, written in (
        (r"\\[dt]?frac\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}", r"((\1)/(\2))"),
        (r"\\[dt]?frac\s*([0-9])\s*([0-9])", r"(\1/\2)"),
        (r"\\sqrt\s*\[([0-9]+)\]\s*\{([^{}]*)\}", r"((\2)**(1/\1))"),
        (r"\\sqrt\s*\{((?:[^{}]|\{[^{}]*\})*)\}", r"cmath.sqrt(\1)"),
        (r"\\sqrt\s*([0-9])", r"cmath.sqrt(\1)"),
        (r"\\pi(?![a-z])", "(3.141592653589793)"),
        (r"\\(?:cdot|times)", "*"),
        (r"\^\s*\{([^{}]*)\}", r"**(\1)"),
        (r"\^", "**"),
        (r"(?<![a-z.])i(?![a-z])", "(1j)"),
    ):
        for _ in range(3):
            text = re.sub(pattern, written, text)
    text = re.sub(
        r"(?<![a-zA-Z.\\])([a-hk-zA-Z])(?![a-zA-Z.(])", lambda found: f"({1.1 + ord(found[1].lower()) / 97!r})", text
    )
    text = re.sub(r"(?<=[0-9)])\s*(?=[(]|cmath)", "*", text)
    try:
        return complex(eval(text, {"__builtins__": {}, "cmath": cmath}))
    except (SyntaxError, NameError, TypeError, ValueError, ArithmeticError):
        return None


if __name__ == "__main__":
    sys.exit(main())
