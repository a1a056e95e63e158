"""A finished run whose every time is known: waves of rollouts, then a training, then a publication."""

from pathlib import Path

from cluster.config.loading import load_config
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder, new_run_folder
from store.records import ExecutionRecord, Outcome, Policy, PolicySpan, Problem, Purpose, Rollout, Sampling, Split
from store.store import Store

PLACES, PROBLEMS, SAMPLES = 8, 10, 8
ROLLOUT_S, BLOCK_S, LEARN_S, PUBLISH_S = 10.0, 2.0, 15.0, 1.0
TURNS = 30, 50
SAMPLE_S = PROBLEMS * SAMPLES / PLACES * ROLLOUT_S


def made_config() -> RunConfig:
    """The demo's, with 80 rollouts an iteration in 8 places."""
    return load_config(
        "demo",
        None,
        [
            f"iteration={{problems={PROBLEMS}, samples_per_problem={SAMPLES}}}",
            f"sampler.engine.max_concurrent_rollouts={PLACES}",
            "sampler.slots_per_sequence=1",
            "sampler.write_interval_s=0.001",
            "sampler.lookahead_s=0",
        ],
    )


def make_run(root: Path, iterations: int = 4) -> RunFolder:
    """The folder of a run of so many iterations."""
    folder, config, now = new_run_folder(root, "made"), made_config(), [1_000.0]
    folder.write_config(config)
    with Store.open(folder.store_url(config), clock=lambda: now[0]) as store:
        store.problems.add(
            Problem(f"p{i}", f"What is {i} + 1?", str(i + 1), "test", Split.TRAIN, f"key {i}") for i in range(PROBLEMS)
        )
        store.policies.add(Policy(0, None, "policies/0"))
        for number in range(1, iterations + 1):
            store.iterations.open(number, number - 1)
            store.iterations.schedule(number, PROBLEMS, SAMPLES, Sampling(), seed=number)
            _sample(store, number, now)
            now[0] += LEARN_S + PUBLISH_S
            store.policies.add(Policy(number, number - 1, f"policies/{number}", iteration=number))
            store.iterations.close(number, {"seconds": {"learn": LEARN_S, "publish": PUBLISH_S}})
    return folder


def _sample(store: Store, number: int, now: list[float]) -> None:
    waiting = [
        (assignment, sample)
        for assignment in store.assignments.lease("s", 1000, 1e6, number - 1).assignments
        for sample in assignment.pending
    ]
    for first in range(0, len(waiting), PLACES):
        now[0] += ROLLOUT_S
        store.rollouts.add(
            [
                _rollout(f"{assignment.id}-{sample}", assignment.problem.id, assignment.id, number)
                for assignment, sample in waiting[first : first + PLACES]
            ]
        )


def _rollout(name: str, problem_id: str, assignment: int, number: int) -> Rollout:
    output = 5
    tokens = sum(TURNS) + output
    return Rollout(
        id=name,
        problem_id=problem_id,
        purpose=Purpose.TRAIN,
        outcome=Outcome.WRONG,
        solution_format="tir",
        prompt_ids=(1, 2, 3),
        token_ids=tuple(range(tokens)),
        model_mask=(True,) * TURNS[0] + (False,) * output + (True,) * TURNS[1],
        spans=(PolicySpan(number - 1, 0, tokens),),
        executions=(ExecutionRecord("ok", "print(1)", "1\n", seconds=BLOCK_S),),
        answer="0",
        assignment_id=assignment,
        seconds=ROLLOUT_S,
        generate_s=ROLLOUT_S - BLOCK_S,
        execute_s=BLOCK_S,
        check_s=0.0,
    )
