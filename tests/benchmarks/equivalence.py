"""Accuracy and speed of the answer checker, beside plain math-verify and plain string comparison.

    python tests/benchmarks/equivalence.py [--data FOLDER] [--pairs N]

Prints the agreement with public checkers' own test cases by set, with false positives, false negatives, undecided pairs
and the time of a comparison; every disagreement with its reason; how many training references equal themselves; every
pair of different problems' answers that is judged equal although written differently; and the time that hostile answers
take. Exits with code 1 if a target is missed. `equivalence_hunt.py` and `equivalence_load.py` measure the rest.
"""

import argparse
import asyncio
import json
import logging
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)  # instead of this folder, whose sandbox.py would hide the package

from math_verify import parse, verify  # noqa: E402

from sandbox.equivalence import AnswerChecker, Verdict  # noqa: E402
from sandbox.settings import AnswerCheckerSettings  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
AGREEMENT_WANTED = 0.97
SEED = 0
BATCH = 64
LATE_S = 2.0  # forking, killing and waiting for a slot may add this to a comparison's own limit

# Cases that contradict another case or a checker's documentation. docs/equivalence.md has the convention.
CONFLICTS = {
    "eq-math_verify-28": "a line break between the dollars; eq-math_verify-24 has the same pair with spaces, equal",
    "eq-math_verify-29": "a line break between the dollars; eq-math_verify-25 has the same pair with spaces, equal",
    "eq-math_verify-127": "tests a setting (2 decimals); 0.33 for 1/3 is beyond MARIO_EVAL's EPSILON of 1e-3",
    "eq-hendrycks-321": "order of a bare list; eq-mario_eval-340 says that it does not count",
    "eq-olympiadbench-421": "7.1e35 for 7e35; eq-olympiadbench-422 is the same pair, different",
    "eq-olympiadbench-423": "7.1e35 for 7e35 in a list; eq-olympiadbench-422 says different",
    "eq-olympiadbench-424": "0.002 for 0.003 is beyond MARIO_EVAL's EPSILON of 1e-3, relative below 1",
}
HOSTILE = {
    "9**9**9**9": "9**9**9**9",
    "tower of powers": "10^{10^{10^{10}}}",
    "1 MB of braces": "{" * 1_000_000,
    "1 MB of boxes": r"\boxed{" * 140_000,
    "deep fractions": r"\frac{" * 300 + "1" + "}{2}" * 300,
    "deep brackets": "(" * 900 + "x" + ")" * 900,
    "1 MB of digits": "1" * 1_000_000,
    "600,000 items": "1," * 600_000,
    "factorial": "(10^9)!",
    "endless sum": r"\sum_{n=1}^{10^{12}} \sin(n^n)",
}


class Pair(NamedTuple):
    """A reference and an answer; `equal` where a test case asserts it."""

    expected: str
    given: str
    equal: bool | None = None
    set: str = ""
    id: str = ""


class Compared(NamedTuple):
    """The verdicts of one checker and the seconds that each took."""

    name: str
    verdicts: Sequence[Verdict]
    seconds: Sequence[float]

    @property
    def ms_a_pair(self) -> float:
        """Milliseconds for one comparison, on average."""
        return 1e3 * sum(self.seconds) / len(self.seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder with equivalence/, gsm8k/ and math/")
    parser.add_argument("--pairs", type=int, default=20_000, help="pairs of different problems' answers, of each kind")
    parser.add_argument("--check-wall-s", type=float, default=5.0, help="the limit of one comparison")
    arguments = parser.parse_args()
    if not (arguments.data / "equivalence/cases.jsonl").is_file():
        parser.error(f"{arguments.data}/equivalence/cases.jsonl does not exist: name the data folder with --data")
    logging.disable(logging.WARNING)  # math-verify warns of every answer that it cannot parse
    missed = asyncio.run(measure(arguments.data, arguments.pairs, arguments.check_wall_s))
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0


async def measure(data: Path, pairs: int, check_wall_s: float) -> list[str]:
    """Run and print every part. Returns the missed targets."""
    async with AnswerChecker(AnswerCheckerSettings(check_wall_s=check_wall_s)) as checker:
        await checker.check("x+1", "1+x")  # starts the jail
        missed = await measure_agreement(checker, read_cases(data))
        references = read_references(data)
        missed += await measure_identity(checker, references)
        await measure_false_positives(checker, references, pairs)
        return missed + await measure_hostile(checker, check_wall_s)


async def measure_agreement(checker: AnswerChecker, cases: Sequence[Pair]) -> list[str]:
    """Print agreement by set and each disagreement."""
    checkers = (
        await ours_one_by_one(checker, cases),
        baseline("math-verify", cases, plain_math_verify),
        baseline("strings", cases, same_text),
    )
    heads = ("agree", "FP", "FN", "undec.", "p50 ms", "p99 ms", "max ms")
    for checked in checkers:
        print(f"{checked.name + ':':14} {'cases':>5} " + " ".join(f"{head:>7}" for head in heads))
        for name in [*dict.fromkeys(case.set for case in cases), "all"]:
            chosen = [position for position, case in enumerate(cases) if name in (case.set, "all")]
            print(f"{name:14} {len(chosen):5} " + " ".join(f"{cell:>7}" for cell in _row(cases, checked, chosen)))
        print()
    return judge_agreement(cases, checkers[0].verdicts)


def _row(cases: Sequence[Pair], checked: Compared, chosen: Sequence[int]) -> list[str]:
    """The agreement, errors and times of some cases."""
    verdicts = [(cases[i].equal, checked.verdicts[i]) for i in chosen]
    times = sorted(1e3 * checked.seconds[i] for i in chosen)
    return [
        f"{sum(agrees(cases[i], checked.verdicts[i]) for i in chosen) / len(chosen):.1%}",
        str(sum(not equal and verdict is Verdict.EQUAL for equal, verdict in verdicts)),
        str(sum(bool(equal) and verdict is Verdict.DIFFERENT for equal, verdict in verdicts)),
        str(sum(verdict in (Verdict.UNDECIDED, Verdict.UNREADABLE) for _, verdict in verdicts)),
        *(f"{times[min(int(share * len(times)), len(times) - 1)]:.1f}" for share in (0.5, 0.99, 1)),
    ]


def judge_agreement(cases: Sequence[Pair], verdicts: Sequence[Verdict]) -> list[str]:
    """Print each disagreement, and the agreement outside the conflicts. Returns the missed targets."""
    print("\ndisagreements")
    for case, verdict in zip(cases, verdicts, strict=True):
        if not agrees(case, verdict):
            wanted = Verdict.EQUAL if case.equal else Verdict.DIFFERENT
            print(f"  {case.id}: {verdict}, not {wanted}: {CONFLICTS.get(case.id, 'an error of ours')}")
    judged = [agrees(case, verdict) for case, verdict in zip(cases, verdicts, strict=True) if case.id not in CONFLICTS]
    share = sum(judged) / len(judged)
    line = f"agreement outside {len(cases) - len(judged)} conflicts: {sum(judged)} of {len(judged)}, {share:.1%}"
    print(f"{line} (at least {AGREEMENT_WANTED:.0%})\n")
    return [] if share >= AGREEMENT_WANTED else [line]


async def measure_identity(checker: AnswerChecker, references: Sequence[str]) -> list[str]:
    """Check that every reference equals itself, as given and in a box. Empty ones are no answers and equal nothing."""
    filled = [text for text in references if text.strip()]
    pairs = [Pair(text, given) for text in filled for given in (text, rf"\boxed{{{text}}}")]
    checked = await ours(checker, pairs)
    unequal = [pair for pair, verdict in zip(pairs, checked.verdicts, strict=True) if verdict is not Verdict.EQUAL]
    print(
        f"references equal to themselves, as given and in a box: {len(pairs) - len(unequal)} of {len(pairs)}; "
        f"{checked.ms_a_pair:.3f} ms a pair; {len(references) - len(filled)} empty references skipped"
    )
    return [f"unequal to itself: {pair.expected!r} and {pair.given!r}" for pair in unequal]


async def measure_false_positives(checker: AnswerChecker, references: Sequence[str], count: int) -> None:
    """Compare answers that should differ, and print each pair that is judged equal although written differently."""
    filled = [text for text in references if text.strip()]
    rng = random.Random(SEED)
    kinds = {
        "answers of different problems, at random": random_pairs(filled, count, rng),
        "answers of different problems, of one shape": same_shape_pairs(filled, count, rng),
        "answers with one digit changed": changed_pairs(filled, count // 4, rng),
        "answers with one variable or sign changed or dropped": altered_pairs(filled, count // 4, rng),
    }
    for kind, pairs in kinds.items():
        checked = await ours(checker, pairs)
        counts = Counter(checked.verdicts)
        print(
            f"\n{len(pairs)} pairs, {kind}: "
            + ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict)
            + f"; {checked.ms_a_pair:.2f} ms a pair"
        )
        shown = {
            pair
            for pair, verdict in zip(pairs, checked.verdicts, strict=True)
            if verdict is Verdict.EQUAL and re.sub(r"\s", "", pair.expected) != re.sub(r"\s", "", pair.given)
        }
        print(f"  equal, written differently: {len(shown)} pairs")
        for pair in sorted(shown):
            print(f"    {pair.expected}  |  {pair.given}")


async def measure_hostile(checker: AnswerChecker, check_wall_s: float) -> list[str]:
    """Check that answers meant to crash or hang a checker are never equal, and never late."""
    print(f"\nhostile answers (limit {check_wall_s:g} s)")
    missed = []
    for name, answer in HOSTILE.items():
        began = time.monotonic()
        verdict = await checker.check("3x", answer)
        seconds = time.monotonic() - began
        print(f"  {name:18} {verdict:10} {seconds:6.2f} s")
        if verdict is Verdict.EQUAL or seconds > check_wall_s + LATE_S:
            missed.append(f"{name}: {verdict} after {seconds:.2f} s")
    return missed


async def ours(checker: AnswerChecker, pairs: Sequence[Pair]) -> Compared:
    """Compare all pairs, in batches such as an actor's rollouts submit."""
    verdicts: list[Verdict] = []
    began = time.monotonic()
    for start in range(0, len(pairs), BATCH):
        verdicts += await checker.check_many((pair.expected, pair.given) for pair in pairs[start : start + BATCH])
    return Compared("ours", verdicts, [(time.monotonic() - began) / len(pairs)] * len(pairs))


async def ours_one_by_one(checker: AnswerChecker, pairs: Sequence[Pair]) -> Compared:
    """Compare all pairs, one after another, so that each has its own time."""
    verdicts, seconds = [], []
    for pair in pairs:
        began = time.monotonic()
        verdicts.append(await checker.check(pair.expected, pair.given))
        seconds.append(time.monotonic() - began)
    return Compared("ours", verdicts, seconds)


def baseline(name: str, pairs: Sequence[Pair], compare: Callable[[str, str], bool]) -> Compared:
    """Compare all pairs, one after another."""
    verdicts, seconds = [], []
    for pair in pairs:
        began = time.monotonic()
        verdicts.append(Verdict.EQUAL if compare(pair.expected, pair.given) else Verdict.DIFFERENT)
        seconds.append(time.monotonic() - began)
    return Compared(name, verdicts, seconds)


def plain_math_verify(expected: str, given: str) -> bool:
    """math-verify as its manual uses it: LaTeX needs dollars."""
    gold, target = (parse(text if "$" in text or "\\boxed" in text else f"${text}$") for text in (expected, given))
    return bool(verify(gold, target))


def same_text(expected: str, given: str) -> bool:
    return expected.strip() == given.strip()


def agrees(case: Pair, verdict: Verdict) -> bool:
    """Undecided agrees with nothing."""
    return verdict is (Verdict.EQUAL if case.equal else Verdict.DIFFERENT)


def random_pairs(answers: Sequence[str], count: int, rng: random.Random) -> list[Pair]:
    return [Pair(*rng.sample(answers, 2)) for _ in range(count)]


def same_shape_pairs(answers: Sequence[str], count: int, rng: random.Random) -> list[Pair]:
    """Different texts of one shape: the same length, digits and letters in the same places."""
    by_shape: defaultdict[str, list[str]] = defaultdict(list)
    for answer in dict.fromkeys(answers):
        by_shape[re.sub(r"(?<!\\)\b[a-z]\b", "x", re.sub("[0-9]", "0", answer))].append(answer)
    groups = [group for group in by_shape.values() if len(group) > 1]
    return [Pair(*rng.sample(rng.choice(groups), 2)) for _ in range(count)]


def changed_pairs(answers: Sequence[str], count: int, rng: random.Random) -> list[Pair]:
    """Answers paired with themselves with one digit changed, as after a slip in arithmetic."""
    numeric = [answer for answer in answers if re.search("[0-9]", answer)]
    return [Pair(answer, _with_a_slip(answer, rng)) for answer in rng.choices(numeric, k=count)]


def _with_a_slip(answer: str, rng: random.Random) -> str:
    slip = rng.choice([found.start() for found in re.finditer("[0-9]", answer)])
    digit = rng.choice([digit for digit in "0123456789" if digit != answer[slip]])
    return answer[:slip] + digit + answer[slip + 1 :]


def altered_pairs(answers: Sequence[str], count: int, rng: random.Random) -> list[Pair]:
    """Answers in variables paired with themselves with one variable or sign changed or dropped, as in wrong algebra."""
    alterable = {answer: found for answer in answers if (found := _variables_and_signs(answer))}
    pairs = []
    for answer in rng.choices(list(alterable), k=count):
        at = rng.choice(alterable[answer])
        others = "+-" if answer[at] in "+-" else "abhkmnstxyz"
        replacement = rng.choice([*(other for other in others if other != answer[at]), ""])
        pairs.append(Pair(answer, answer[:at] + replacement + answer[at + 1 :]))
    return pairs


def _variables_and_signs(answer: str) -> list[int]:
    """Their positions in an answer without words, after the equals sign: the name before it does not count."""
    if re.search(
        r"\\(?:text|mbox|begin|operatorname|pm|mp|infty|in)|[a-zA-Z]{3}", re.sub(r"\\(?!text)[a-z]+", "", answer)
    ):
        return []
    value = answer.rfind("=") + 1
    letters = [found.start() for found in re.finditer(r"(?<![a-zA-Z\\])[a-zA-Z](?![a-zA-Z])", answer)]
    signs = [found.start() for found in re.finditer(r"(?<=[\w})])\s*[+-]", answer)] if letters else []
    return [at for at in letters + [found for found in signs if answer[found] in "+-"] if at >= value]


def read_cases(data: Path) -> list[Pair]:
    rows = map(json.loads, (data / "equivalence/cases.jsonl").read_text().strip().split("\n"))
    return [Pair(row["reference"], row["prediction"], row["is_equivalent"], row["set"], row["id"]) for row in rows]


def read_references(data: Path) -> list[str]:
    texts = [(data / name / "train.jsonl").read_text() for name in ("gsm8k", "math")]
    return [str(json.loads(line)["answer"]) for text in texts for line in text.strip().split("\n")]


if __name__ == "__main__":
    sys.exit(main())
