"""Collecting what the report of a run holds from its store."""

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from cluster.config.loading import to_toml, without_secrets
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.alarms.support import read_support
from cluster.loop.run_status import current_state
from cluster.report.examples import Examples
from eval.benchmarks.catalogue import attempts_folder
from eval.benchmarks.kept import kept_results
from eval.comparison import Comparison, compare_pass_at_1
from eval.figure_text import omissions
from eval.report import IterationStats, PolicyScore, Report
from store.artifacts.folder import folder_at
from store.records import Policy
from store.runs.figures import Evaluation
from store.runs.iterations import Iteration
from store.runs.statistics import StoreStatistics
from store.store import Store

_HELDOUT = "heldout"


def collect(store: Store, folder: RunFolder, config: RunConfig) -> Report:
    """Collect the contents of a run's report."""
    stats = store.run.statistics()
    policies = store.policies.all()
    start = next((p.version for p in policies if p.origin == "warm start"), policies[0].version if policies else None)
    served = next((p.version for p in policies if p.promoted), None)
    examples = Examples(store, policies)
    pairs = examples.before_and_after(start, served)
    return Report(
        name=folder.path.name,
        about=_about(config, policies),
        state=current_state(store.run.state(), time.time(), folder),
        written_at=time.strftime("%Y-%m-%d %H:%M"),
        start_version=start,
        gain=_gain(store, start, served),
        facts=_facts(stats),
        policies=_scores(store, policies, stats.iterations),
        iterations=_iterations(store, stats.iterations),
        before_after=pairs,
        solutions=examples.of(served, {before.problem.id for before, _ in pairs}),
        configuration=to_toml(without_secrets(config, store.masked_url)),
        support=read_support(store, stats.iterations),
        benchmarks=kept_results(attempts_folder(folder.path.parent, folder.path.name)),
    )


# ---------------------------------------------------------------- description


def _about(config: RunConfig, policies: list[Policy]) -> str:
    sources = ", ".join(dict.fromkeys(_source(source) for source in config.problems)) or "imported before"
    how = (
        "It is a control run, trained on the teacher's demonstrations alone for as many steps as a self-training run."
        if config.mode == "demonstrations_only"
        else "It solves them by writing Python, run in a sandbox, and is trained on the attempts whose answers verify."
    )
    return f"{_base(config, policies)} learns to solve mathematics problems ({sources}). {how}"


def _base(config: RunConfig, policies: list[Policy]) -> str:
    parameters = _parameters(policies[0].path) if policies else 0
    size = f" of {parameters / 1e6:,.{2 if parameters < 1e7 else 0}f} million parameters" if parameters else ""
    match config.base.kind:
        case "tiny_llama":
            return f"A randomly initialized Llama{size}"
        case "smollm2":
            return f"SmolLM2-135M-Instruct{size}"
        case _:
            return f"{Path(getattr(config.base, 'name', 'A model')).name}{size}"


def _parameters(location: str) -> int:
    """The number of parameters, from the headers of the safetensors files; 0 without any."""
    count = 0
    folder = folder_at(location)
    for file in (file for file in folder.sizes() if file.endswith(".safetensors")):
        header_end = 8 + int.from_bytes(folder.read(file, 0, 8), "little")
        header = json.loads(folder.read(file, 8, header_end))
        for name, tensor in header.items():
            size = 1
            for length in tensor.get("shape", ()):
                size *= length
            count += size if name != "__metadata__" else 0
    return count


def _source(source: object) -> str:
    name = getattr(source, "name", None) or getattr(source, "dataset", None) or Path(getattr(source, "path", "")).stem
    return str(name).replace("_", " ")


def _facts(stats: StoreStatistics) -> list[tuple[str, str]]:
    done = sum(iteration.closed_at is not None for iteration in stats.iterations)
    facts = [
        ("iterations of self-training", done),
        ("training problems", stats.problems["train"]),
        ("held-out problems", stats.problems["heldout"]),
        ("demonstrations", stats.demonstrations.total),
        (f"attempts at training problems, {stats.train.accepted:,} accepted", stats.train.total),
        ("code blocks run in the sandbox", stats.executions_total),
    ]
    return [(name, f"{value:,}") for name, value in facts]


# ---------------------------------------------------------------- figures


def _scores(store: Store, policies: list[Policy], iterations: Iterable[Iteration]) -> list[PolicyScore]:
    evaluations = store.evaluations.figures()
    promoted = {promotion.version for promotion in store.policies.promotions()}
    compared = {one.metrics.get("policy_version"): one.metrics.get("comparison") for one in iterations}
    scores = []
    for policy in policies:
        mine = [one for one in evaluations if one.policy_version == policy.version]
        greedy = next((one for one in reversed(mine) if (one.benchmark, one.metric) == (_HELDOUT, "pass@1")), None)
        comparison = (policy.assessment or {}).get("comparison") or compared.get(policy.version)
        scores.append(
            PolicyScore(
                version=policy.version,
                label=policy.origin,
                figure=greedy.figure if greedy else None,
                was_promoted=policy.version in promoted,
                served=policy.promoted,
                other_figures={
                    one.metric: one.figure
                    for one in mine
                    if one.benchmark == f"{_HELDOUT}-sampled" and one.metric != "pass@1"
                },
                comparison=Comparison(**comparison) if comparison else None,
                omissions=_omissions(mine),
                decision=policy.decision,
                assessment=policy.assessment or {},
            )
        )
    return scores


def _omissions(evaluations: Iterable[Evaluation]) -> list[str]:
    """What the evaluations of the run itself count as not correct or leave out, by benchmark."""
    counts = {
        one.benchmark: (one.undecided, one.unverifiable)
        for one in evaluations
        if one.benchmark in (_HELDOUT, f"{_HELDOUT}-sampled")
    }
    return [f"{benchmark}: {text}" for benchmark, found in counts.items() for text in omissions(*found)]


def _gain(store: Store, start: int | None, served: int | None) -> Comparison | None:
    """The served policy against the one that self-training started from, on the problems that both were measured on."""
    if start is None or served is None or start == served:
        return None
    return compare_pass_at_1(*(store.evaluations.benchmark_answers(version, _HELDOUT) for version in (served, start)))


def _iterations(store: Store, iterations: Iterable[Iteration]) -> list[IterationStats]:
    return [
        IterationStats(
            number=iteration.number,
            policy_version=iteration.metrics.get("policy_version"),
            outcomes=iteration.metrics.get("outcomes") or _counted(store, iteration.number),
            blocks=iteration.metrics.get("blocks") or 0,
            tokens_per_s=iteration.metrics.get("tokens_per_s"),
            loss=iteration.metrics.get("loss"),
            seconds=iteration.metrics.get("seconds") or {},
        )
        for iteration in iterations
        if iteration.closed_at is not None
    ]


def _counted(store: Store, iteration: int) -> Mapping[str, int]:
    """The outcomes that the store still has of an iteration, which reads all its rollouts."""
    return store.iterations.outcomes(iteration).get(iteration, {})
