"""The stages of MARIO (Liao et al. 2024, arXiv 2401.08190), from annotation to the value model and the benchmarks."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import tomli_w

from cluster.reproduction.scales import Scale
from cluster.reproduction.stage import Results, Stage, Step, fixed
from cluster.reproduction.teacher import MODEL, served_teacher, teacher_url

_RUN = "mario-1"
_ATTEMPTS = ("--samples", "3", "--temperatures", "0,0.6,0.6", "--max-blocks", "5", "--keep", "4")


class MarioPaths:
    """Where the parts of a reproduction are, below its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store_url = f"sqlite:///{folder / 'store.db'}"
        self.config = folder / "run.toml"
        self.runs = folder / "runs"
        self.run = self.runs / _RUN
        self.value_report = folder / "value-report"

    def of_run(self) -> list[str]:
        """The options that choose the run."""
        return ["--runs", str(self.runs), "--run", str(self.run)]


def mario_stages(scale: Scale, paths: MarioPaths) -> list[Stage]:
    """The stages at a scale, in the order in which each needs the ones before it."""
    annotation = [_annotation(scale, paths)] if scale.teacher.demonstrations is None else []
    benchmarks = [_benchmarks(scale, paths)] if scale.benchmarks else []
    return [
        _problems(scale, paths),
        *annotation,
        _training(scale, paths),
        _evaluation(scale, paths),
        _value_model(scale, paths),
        *benchmarks,
    ]


def _problems(scale: Scale, paths: MarioPaths) -> Stage:
    steps = [
        Step(f"problems-{number}", fixed("problems", "import", *source, "--store", paths.store_url, "--json"))
        for number, source in enumerate(scale.problems, 1)
    ]
    return Stage(
        "problems",
        "imports the problems; a share of them is held out, and so is everything that is nearly one of those",
        "GSM8K and MATH, with wrong labels corrected",
        tuple(steps),
        {"problems": scale.problems},
        estimate_minutes=scale.minutes.get("problems"),
    )


def _annotation(scale: Scale, paths: MarioPaths) -> Stage:
    teacher = scale.teacher

    def annotate(_: Results) -> list[str]:
        model, url = teacher.model or MODEL, teacher.base_url or teacher_url(paths.folder)
        chosen = ["--model", model, "--base-url", url, "--price", teacher.price, "--format", scale.solution_format]
        budget = ["--budget", teacher.budget] if teacher.budget else []
        tokens = ["--budget-tokens", str(teacher.budget_tokens)] if teacher.budget_tokens else []
        limit = ["--limit", str(teacher.problems)] if teacher.problems else []
        stream = [] if teacher.base_url else ["--no-stream"]
        options = [*chosen, *budget, *tokens, *limit, *_ATTEMPTS, *stream, "--json"]
        return ["annotate", "--store", paths.store_url, *options]

    def beside(_: Results) -> AbstractContextManager[object]:
        return nullcontext() if teacher.base_url else served_teacher(paths.folder, paths.store_url)

    return Stage(
        "annotation",
        "has the teacher solve problems with an interpreter: once at temperature 0, twice at 0.6",
        "GPT-4 as an agent with a Python interpreter, at most five blocks of code; what verifies is kept",
        (Step("annotation", annotate),),
        {"teacher": teacher.settings()},
        beside,
        estimate_minutes=scale.minutes.get("annotation"),
    )


def _training(scale: Scale, paths: MarioPaths) -> Stage:
    written = scale.teacher.demonstrations
    config = {
        "preset": scale.preset,
        "problems": [],
        "store": {"url": paths.store_url},
        "teacher": {"kind": "annotations"} if written is None else {"kind": "jsonl", "path": str(written)},
        "sampler": {"solution_format": scale.solution_format},
        **scale.settings,
    }

    @contextmanager
    def configured(_: Results) -> Iterator[None]:
        paths.config.parent.mkdir(parents=True, exist_ok=True)
        paths.config.write_text(tomli_w.dumps(config), encoding="utf-8")
        yield

    def run(_: Results) -> list[str]:
        if (paths.run / "config.toml").is_file():
            return ["run", "--resume", *paths.of_run()]
        chosen = ["--config", str(paths.config), "--runs", str(paths.runs), "--name", "mario"]
        return ["run", *chosen, "--iterations", str(scale.iterations)]

    return Stage(
        "training",
        "fine-tunes the policy on the annotation, and then by self-training on its own accepted attempts",
        "full fine-tuning of a model that was trained on further mathematics, and self-training",
        (Step("training", run, "none"),),
        {"config": config, "iterations": scale.iterations},
        configured,
        estimate_minutes=scale.minutes.get("training"),
    )


def _evaluation(scale: Scale, paths: MarioPaths) -> Stage:
    samples = ["--samples", str(scale.samples)]
    return Stage(
        "evaluation",
        f"attempts the held-out problems: once greedily, and {scale.samples} times at random",
        "greedy decoding, and 20 samples",
        (
            Step("greedy", fixed("eval", "--json", *paths.of_run())),
            Step("sampled", fixed("eval", *samples, "--json", *paths.of_run())),
        ),
        {"samples": scale.samples},
        estimate_minutes=scale.minutes.get("evaluation"),
    )


def _value_model(scale: Scale, paths: MarioPaths) -> Stage:
    def version(results: Results, of: str) -> str:
        return str(results[of]["model"])

    def scored(of: str) -> Step:
        return Step(
            f"score-{of}",
            lambda results: ["value", "score", "--model", version(results, of), "--json", *paths.of_run()],
        )

    def reranked(results: Results) -> list[str]:
        model = ["--rerank", "value", "--value-model", version(results, "value")]
        return ["eval", "--samples", str(scale.samples), *model, "--json", *paths.of_run()]

    def reported(results: Results) -> list[str]:
        models = ["--model", version(results, "value"), "--control", version(results, "control")]
        return ["value", "report", *models, "--output", str(paths.value_report), "--json", *paths.of_run()]

    return Stage(
        "value",
        "trains an outcome value model on right and wrong attempts, and lets it choose among the samples",
        "multi-task fine-tuning with LoRA; the value at the last token chooses one of 20 samples",
        (
            Step("value", fixed("value", "train", "--json", *paths.of_run())),
            Step("control", fixed("value", "train", "--shuffle-labels", "--json", *paths.of_run())),
            scored("value"),
            scored("control"),
            Step("reranked", reranked),
            Step("value-report", reported),
        ),
        {"samples": scale.samples},
        estimate_minutes=scale.minutes.get("value"),
    )


def _benchmarks(scale: Scale, paths: MarioPaths) -> Stage:
    data = ["--data", str(scale.data)] if scale.data else []
    limit = ["--limit", str(scale.benchmark_problems)] if scale.benchmark_problems else []
    chosen = ["--benchmarks", ",".join(scale.benchmarks), *data, *limit, "--samples", str(scale.samples)]
    return Stage(
        "benchmarks",
        "evaluates the policy on the benchmarks of the paper's table",
        "GSM8K, MATH, OCWCourses and Gaokao 2023",
        (Step("benchmarks", fixed("bench", *chosen, "--format", "json", *paths.of_run())),),
        {"benchmarks": scale.benchmarks, "limit": scale.benchmark_problems},
        estimate_minutes=scale.minutes.get("benchmarks"),
    )
