"""The registry of benchmarks. A new one is an entry here; none of their problems is part of this project."""

import re
from collections.abc import Iterable

from eval.benchmarks.benchmark import QUESTIONS, Benchmark

_EVERYWHERE = ("ours", "qwen")
_LATEX = (*_EVERYWHERE, "minerva")

_ALL = (
    Benchmark(
        name="gsm8k",
        title="GSM8K",
        dataset="openai/gsm8k",
        config="main",
        size=1319,
        licence="MIT",
        citation="Cobbe et al. 2021, arXiv 2110.14168",
        rules=_EVERYWHERE,
    ),
    Benchmark(
        name="math",
        title="MATH",
        dataset="DigitalLearningGmbH/MATH-lighteval",
        size=5000,
        licence="MIT",
        citation="Hendrycks et al. 2021, arXiv 2103.03874",
        rules=_LATEX,
        aliases=("MATH", "hendrycks_math", "competition_math"),
    ),
    Benchmark(
        name="math500",
        title="MATH-500",
        dataset="HuggingFaceH4/MATH-500",
        size=500,
        licence="MIT",
        citation="Lightman et al. 2023, arXiv 2305.20050",
        rules=_LATEX,
        aliases=("math_500", "math-500", "MATH-500", "MATH500"),
    ),
    Benchmark(
        name="ocw",
        title="OCWCourses",
        dataset="math-ai/minervamath",
        size=272,
        licence="CC BY-NC-SA 4.0 (MIT OpenCourseWare)",
        citation="Lewkowycz et al. 2022, arXiv 2206.14858",
        rules=(*_EVERYWHERE, "ocw"),
        aliases=("ocwcourses", "minerva_math", "minervamath"),
    ),
    Benchmark(
        name="gaokao2023en",
        title="Gaokao 2023 (English)",
        dataset="MARIO-Math-Reasoning/Gaokao2023-Math-En",
        split="train",
        size=385,
        licence="MIT",
        citation="Liao et al. 2024, arXiv 2401.08190",
        rules=_EVERYWHERE,
        aliases=("Gaokao2023-Math-En", "gaokao2023_en"),
    ),
    Benchmark(
        name="svamp",
        title="SVAMP",
        dataset="ChilleD/SVAMP",
        size=300,
        licence="MIT",
        citation="Patel et al. 2021, arXiv 2103.07191",
        rules=_EVERYWHERE,
        aliases=("SVAMP",),
        questions=(("question_concat",), ("Body", "Question"), *QUESTIONS),
    ),
    Benchmark(
        name="asdiv",
        title="ASDiv",
        dataset="EleutherAI/asdiv",
        split="validation",
        size=None,
        licence="CC BY-NC 4.0",
        citation="Miao et al. 2020, arXiv 2106.15772",
        rules=_EVERYWHERE,
        aliases=("ASDiv",),
        questions=(("body", "question"), ("Body", "Question"), *QUESTIONS),
        unit=re.compile(r"\s*\([^()]*\)\s*$"),  # 9 (apples)
        left_out=re.compile(";"),  # several answers, which the harnesses leave out as well
    ),
    Benchmark(
        name="mawps",
        title="MAWPS",
        dataset="MU-NLPC/Calc-mawps",
        size=520,
        licence="MIT",
        citation="Koncel-Kedziorski et al. 2016, ACL N16-1136",
        rules=_EVERYWHERE,
        aliases=("MAWPS",),
    ),
    Benchmark(
        name="gsmhard",
        title="GSM-Hard",
        dataset="reasoning-machines/gsm-hard",
        split="train",
        size=1319,
        licence="MIT",
        citation="Gao et al. 2022, arXiv 2211.10435",
        rules=_EVERYWHERE,
        aliases=("gsm-hard", "gsm_hard", "gsmhardv2"),
    ),
    Benchmark(
        name="aime",
        title="AIME 2024",
        dataset="Maxwell-Jia/AIME_2024",
        split="train",
        size=30,
        licence="MIT (the data set; the problems are the MAA's)",
        citation="American Invitational Mathematics Examination 2024",
        rules=_EVERYWHERE,
        aliases=("aime24", "aime_2024", "AIME_2024"),
    ),
)

BENCHMARKS = {benchmark.name: benchmark for benchmark in _ALL}
"""The benchmarks by name, in the order of tables."""


class UnknownBenchmarkError(ValueError):
    """There is no benchmark of this name."""


def find_benchmarks(names: Iterable[str]) -> list[Benchmark]:
    """The benchmarks with these names or aliases, each once, in the order of tables.

    Raises:
        UnknownBenchmarkError: names the first that does not exist, and those that do.
    """
    by_name = {name.casefold(): one for one in _ALL for name in (one.name, one.title, *one.aliases)}
    names = list(names)
    unknown = next((name for name in names if name.casefold() not in by_name), None)
    if unknown is not None:
        raise UnknownBenchmarkError(f"there is no benchmark {unknown!r}: choose from {', '.join(BENCHMARKS)}")
    chosen = {by_name[name.casefold()].name for name in names}
    return [benchmark for benchmark in _ALL if benchmark.name in chosen]
