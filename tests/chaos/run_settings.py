"""The run that the faults strike: the demo's policy on small iterations of short problems."""

from dataclasses import dataclass
from pathlib import Path

SYMBOLIC_PROBLEMS = 200

LIMITS = (
    "ray.sampler_silence_s=20",
    "sampler.engine.silence_s=20",
    "learner.silence_s=20",
)
"""Limits on silence as short as the parts of so small a run allow, so that what is stopped is found in seconds."""

CONFIG = """
preset = "demo"
seed = {seed}
evaluation = {{ problems = {heldout}, base = false }}
iteration = {{ problems = {problems}, samples_per_problem = {samples}, lead = {lead} }}
teacher = {{ kind = "scripted", count = {demonstrations} }}

[[problems]]
kind = "reasoning_gym"
dataset = "products"
size = {size}
heldout_fraction = 0.2
config = {{ max_digits = 2 }}

[[problems]]
kind = "reasoning_gym"
dataset = "chain_sum"
size = {size}
heldout_fraction = 0.2
config = {{ min_terms = 2, max_terms = 2, min_digits = 1, max_digits = 2 }}

[[problems]]
kind = "jsonl"
path = "{symbolic}"
template_twins = "train"
split = "train"

[store]
{store}

[sampler]
num_samplers = {samplers}
cpus_per_sampler = 0.25
lease_ttl_s = 6.0
[sampler.engine]
max_concurrent_rollouts = {slots}

[answer_checker]
symbolic = true  # so that there is a checker to kill: see `symbolic_problems`

[learner]
cpus_per_rank = 0.25
warm_start = {{ steps = {warm_start_steps} }}
iteration = {{ steps = {steps} }}

[ray]
dashboard = false
"""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What is chosen of the run. Everything else is the demo's."""

    seed: int = 0
    size: int = 900  # problems of each of two sources
    demonstrations: int = 300
    problems: int = 60
    samples: int = 4
    steps: int = 40
    warm_start_steps: int = 300
    heldout: int = 300
    samplers: int = 1
    slots: int = 8
    lead: int = 0
    store_url: str = ""
    engine_core: bool = True  # a process of its own for the core of each engine, on the CPU too
    overrides: tuple[str, ...] = ()  # `--set` of the command

    def write(self, folder: Path) -> Path:
        """Write the configuration and the problems that need the checker; returns the configuration's file."""
        symbolic = folder / "symbolic.jsonl"
        symbolic.write_text("\n".join(symbolic_problems()))
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        store = f'url = "{self.store_url}"' if self.store_url else ""
        file = folder / "run.toml"
        file.write_text(CONFIG.format(**values, store=store, symbolic=symbolic))
        return file


def symbolic_problems() -> list[str]:
    """Products whose label is written as a root, so that every answer to them has to be compared by the checker."""
    pairs = [(a, b) for a in range(11, 61) for b in (3, 4, 7, 8)][:SYMBOLIC_PROBLEMS]
    return [
        f'{{"question": "Solve the following multiplication: {a} * {b}. Give only the result as your final answer.", '
        f'"answer": "\\\\sqrt{{{(a * b) ** 2}}}"}}'
        for a, b in pairs
    ]
