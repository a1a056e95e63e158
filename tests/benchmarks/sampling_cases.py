"""The two cases of sampling.py: a policy, problems in a store, and settings; and the plans of rollouts.

The demo's policy writes solutions by itself. SmolLM2's solutions are planned: how many blocks, how long each turn, and
which blocks sleep; the engine samples the tokens of each turn, and the code of a block is appended to them.
"""

import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SLEEP_S = 3
SLEEPING_BLOCKS = 0.02
BLOCKS = (0, 1, 1, 2, 2, 3)  # of a planned rollout, equally likely
TURN_TOKENS, TURN_SPREAD, LONGEST_TURN = 24, 1.0, 256  # median, sigma of a log-normal distribution, limit
WARM_START_SEED = 0


@dataclass(frozen=True)
class Case:
    """A preset with changes, how many problems are attempted how often, and whether turns are planned."""

    preset: str
    overrides: tuple[str, ...]
    problems: int
    samples: int
    planned: bool


CASES: Mapping[str, Case] = {
    "demo": Case("demo", (), problems=600, samples=4, planned=False),
    "smollm2": Case(
        "demo",
        (
            'base={kind="smollm2", precision="fp32"}',
            "sampler.limits={max_tokens=896, max_blocks=3}",
            "sampler.engine.max_model_len=1024",
            "sampler.engine.max_concurrent_rollouts=16",
            "sampler.engine.cpu_threads=0",
        ),
        problems=48,
        samples=4,
        planned=True,
    ),
}


@dataclass(frozen=True)
class Plan:
    """The tokens that are sampled in each turn of a rollout, and the code after each turn but the last."""

    tokens: tuple[int, ...]
    blocks: tuple[str, ...]


def plan_of(rollout: str) -> Plan:
    """The plan of a rollout, the same in every mode and round."""
    rng = random.Random(rollout)
    blocks = rng.choice(BLOCKS)
    tokens = (min(1 + int(rng.lognormvariate(0, TURN_SPREAD) * TURN_TOKENS), LONGEST_TURN) for _ in range(blocks + 1))
    return Plan(tuple(tokens), tuple(_block(rng) for _ in range(blocks)))


def _block(rng: random.Random) -> str:
    wait = f"import time\ntime.sleep({SLEEP_S})\n" if rng.random() < SLEEPING_BLOCKS else ""
    return f"{wait}a = {rng.randrange(100)}\nb = a / 2\nprint(a + b)"


def config_of(case: Case, more: list[str]) -> Any:
    """The configuration of a run with the case's settings, and with further ones."""
    from cluster.config.loading import load_config

    return load_config(case.preset, None, [*case.overrides, *more])


def prepare_case(name: str, root: Path) -> Path:
    """The folder of a run of the case with `policy` and `store.db`: made once, then found again."""
    folder = root / name
    if (folder / "policy").is_dir():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    config = config_of(CASES[name], [])
    base = _prepare_run(config, folder)
    if CASES[name].planned:
        base.rename(folder / "policy")
    else:
        _warm_start(config, folder, base)
    return folder


def _prepare_run(config: Any, folder: Path) -> Path:
    from cluster.config.run_folder import RunFolder
    from cluster.loop.preparation.preparation import import_problems, make_base_policy, prepare
    from cluster.loop.progress import NullProgress
    from store.store import Store

    run = RunFolder(folder)
    with Store.open(run.store_url(config)) as store:
        if config.base.kind == "tiny_llama":
            prepare(config, run, store, NullProgress())
            return run.policy(0)
        import_problems(config, store)
        return make_base_policy(config, run, store)


def _warm_start(config: Any, folder: Path, base: Path) -> None:
    from learner.engine import TrainingEngine
    from store.records import Purpose
    from store.store import Store

    with Store.open(f"sqlite:///{folder / 'store.db'}") as store:
        demonstrations = list(store.rollouts.iterate(purpose=Purpose.DEMONSTRATION))
    learner = TrainingEngine(config.learner, base)
    learner.train(demonstrations, config.learner.warm_start, seed=WARM_START_SEED)
    learner.save_policy(folder / "policy")
    learner.close()
