"""`automathes report`: write the report of a run, from what its store holds."""

import argparse
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from cluster.config.loading import to_toml
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.console.output import print_line
from cluster.loop.alarms.support import read_support
from cluster.loop.run_status import current_state
from eval.comparison import Comparison, compare_pass_at_1
from eval.figure_text import omissions
from eval.report import IterationStats, PolicyScore, Report, Solution, render
from store.artifacts.folder import folder_at
from store.records import Outcome, Policy, Purpose, Rollout
from store.runs.figures import Evaluation
from store.runs.iterations import Iteration
from store.runs.statistics import StoreStatistics
from store.store import Store

_HELDOUT = "heldout"
_NUM_PAIRS = 2
_NUM_EXAMPLES = 3  # correct, and as many wrong
_MAX_CANDIDATES = 400


def report(arguments: argparse.Namespace) -> int:
    """Write the report of a run to `--output`, or to report.html in the run's folder, and print the path.

    Raises:
        ConfigError: there is no such run, or the file cannot be written.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    with folder.open_store(config) as store:
        page = render(collect(store, folder, config))
    path = arguments.output or folder.path / "report.html"
    _write(path, page)
    print_line(f"report written to {path}")
    return 0


def _write(path: Path, page: str) -> None:
    try:
        aside = path.with_name(f".{path.name}.tmp")
        aside.write_text(page, encoding="utf-8", errors="replace")
        aside.replace(path)
    except OSError as error:
        raise ConfigError(f"the report cannot be written to {path}: {error.strerror or error}") from None


def collect(store: Store, folder: RunFolder, config: RunConfig) -> Report:
    """Collect the contents of a run's report."""
    stats = store.run.statistics()
    policies = store.policies.all()
    labels = _labels(policies, stats.iterations)
    start = next(
        (p.version for p in policies if labels[p.version] == "warm start"), policies[0].version if policies else None
    )
    served = next((p.version for p in policies if p.promoted), None)
    pairs = _before_and_after(store, labels, start, served)
    return Report(
        name=folder.path.name,
        about=_about(config, policies),
        state=current_state(store.run.state(), time.time(), folder),
        written_at=time.strftime("%Y-%m-%d %H:%M"),
        start_version=start,
        gain=_gain(store, start, served),
        facts=_facts(stats),
        policies=_scores(store, policies, labels, stats.iterations),
        iterations=_iterations(store, stats.iterations),
        before_after=pairs,
        solutions=_examples(store, labels, served, {before.problem.id for before, _ in pairs}),
        configuration=_configuration(store, config),
        support=read_support(store, stats.iterations),
    )


# ---------------------------------------------------------------- description


def _about(config: RunConfig, policies: list[Policy]) -> str:
    sources = ", ".join(dict.fromkeys(_source(source) for source in config.problems))
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


def _configuration(store: Store, config: RunConfig) -> str:
    """The run's configuration, with the password in the store's URL masked."""
    masked = config.model_copy(update={"store": config.store.model_copy(update={"url": store.masked_url})})
    return to_toml(masked)


# ---------------------------------------------------------------- figures


def _labels(policies: list[Policy], iterations: Iterable[Iteration]) -> dict[int, str]:
    """The origin of each policy, by version."""
    made = {iteration.metrics.get("policy_version"): iteration.number for iteration in iterations}
    labels = {}
    for policy in policies:
        if policy.parent is None:
            labels[policy.version] = "base"
        elif policy.version in made:
            labels[policy.version] = f"iteration {made[policy.version]}"
        else:
            labels[policy.version] = "warm start" if policy.parent == policies[0].version else "iteration in progress"
    return labels


def _scores(
    store: Store, policies: list[Policy], labels: Mapping[int, str], iterations: Iterable[Iteration]
) -> list[PolicyScore]:
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
                label=labels[policy.version],
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
    stored = store.iterations.outcomes()
    return [
        IterationStats(
            number=iteration.number,
            policy_version=iteration.metrics.get("policy_version"),
            outcomes=iteration.metrics.get("outcomes")
            or stored.get(iteration.number, {}),  # the store's own may have been pruned
            blocks=iteration.metrics.get("blocks") or 0,
            tokens_per_s=iteration.metrics.get("tokens_per_s"),
            loss=iteration.metrics.get("loss"),
            seconds=iteration.metrics.get("seconds") or {},
        )
        for iteration in iterations
        if iteration.closed_at is not None
    ]


# ---------------------------------------------------------------- solutions


def _before_and_after(
    store: Store, labels: Mapping[int, str], start: int | None, served: int | None
) -> list[tuple[Solution, Solution]]:
    """Attempts at held-out problems that the first policy got wrong and the served one right, of varied subjects."""
    if start is None or served is None or start == served:
        return []
    before = {rollout.problem_id: rollout for rollout in _attempts(store, start, Outcome.WRONG)}
    after = [rollout for rollout in _attempts(store, served, Outcome.ACCEPTED) if rollout.problem_id in before]
    return [
        (_solution(store, before[rollout.problem_id], labels), _solution(store, rollout, labels))
        for rollout in _varied(store, after, _NUM_PAIRS)
    ]


def _examples(store: Store, labels: Mapping[int, str], served: int | None, shown: set[str]) -> list[Solution]:
    """A few correct and wrong held-out attempts of the served policy, or else the latest training rollouts."""
    chosen: list[Rollout] = []
    for outcome in (Outcome.ACCEPTED, Outcome.WRONG):
        found = [] if served is None else _attempts(store, served, outcome)
        found = found or list(
            store.rollouts.iterate(purpose=Purpose.TRAIN, outcome=outcome, limit=_MAX_CANDIDATES, newest_first=True)
        )
        chosen += _varied(store, [rollout for rollout in found if rollout.problem_id not in shown], _NUM_EXAMPLES)
    return [_solution(store, rollout, labels) for rollout in chosen]


def _attempts(store: Store, version: int, outcome: Outcome) -> list[Rollout]:
    found = store.rollouts.iterate(
        purpose=Purpose.EVAL, outcome=outcome, policy_version=version, limit=_MAX_CANDIDATES, newest_first=True
    )
    return list(found)


def _varied(store: Store, rollouts: list[Rollout], count: int) -> list[Rollout]:
    """The first `count` rollouts, taken in turn from each subject, without repeating a problem."""
    by_subject: dict[str, dict[str, Rollout]] = {}
    for rollout in rollouts:
        problem = store.problems.get(rollout.problem_id)
        by_subject.setdefault(problem.subject or problem.source, {}).setdefault(problem.id, rollout)
    queues = [list(found.values()) for found in by_subject.values()]
    chosen: list[Rollout] = []
    while len(chosen) < count and any(queues):
        for queue in queues:
            if queue and len(chosen) < count:
                chosen.append(queue.pop(0))
    return chosen


def _solution(store: Store, rollout: Rollout, labels: Mapping[int, str]) -> Solution:
    version = rollout.spans[-1].version if rollout.spans else None
    by = "demonstration" if version is None else f"v{version}, {labels.get(version, 'unknown')}"
    return Solution(store.problems.get(rollout.problem_id), rollout, by)
