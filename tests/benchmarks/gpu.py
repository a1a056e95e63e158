"""Benchmark of one GPU with a model of a given size: sampling, weight swaps, training, and memory against the plan.

The weights are random, so almost all rollouts run to their full length.

    python tests/benchmarks/gpu.py --model Qwen/Qwen2.5-Math-7B --rollouts 256 --tokens 512
"""

import argparse
import asyncio
import gc
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.pop(0)  # this folder, in which `store` is a benchmark

from actors.engine import PolicyEngine
from actors.formats import get_format
from cluster.config.loading import load_config
from cluster.config.memory import GIB
from cluster.config.model_shapes import ModelShape, shape_of_model
from cluster.config.placement import samples_on_gpus
from cluster.config.plan import plan_run
from cluster.config.run_config import RunConfig
from learner.bases.tiny_llama import TinyLlama
from store.records import Outcome, PolicyPointer, Purpose, Rollout, Sampling

TINY = ModelShape("tiny", 128, 2, 4, 2, 32, 384, 512)
VOCABULARY = 512
PROMPT_TOKENS = 150


def main() -> None:
    """Run the requested parts and print a line per measurement."""
    arguments = _parser().parse_args()
    shape = TINY if arguments.model == "tiny" else shape_of_model(arguments.model)
    on_gpu = samples_on_gpus()
    print(f"{shape.name}: {shape.parameters / 1e9:.2f} billion parameters, random, {'GPU' if on_gpu else 'CPU'}")
    with TemporaryDirectory(dir=arguments.folder) as directory:
        policy, again = Path(directory, "policy"), Path(directory, "again")
        with _timed("weights made and written"):
            make_policy(shape, policy, on_gpu)
        again.symlink_to(policy)  # the same weights: the cost of a swap does not depend on their values
        config = _config(policy, arguments, on_gpu)
        if "sample" in arguments.parts:
            asyncio.run(measure_sampling(config, policy, again, arguments.rollouts, arguments.tokens))
        if "train" in arguments.parts:
            measure_training(config, policy, Path(directory, "published"), arguments.tokens, on_gpu)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="Qwen/Qwen2.5-Math-7B", help="the model whose shape to use, or 'tiny'")
    parser.add_argument("--parts", nargs="+", choices=("sample", "train"), default=["sample", "train"])
    parser.add_argument("--rollouts", type=int, default=256, help="concurrent rollouts")
    parser.add_argument("--tokens", type=int, default=512, help="tokens per rollout, without the prompt")
    parser.add_argument("--micro-batch-tokens", type=int, default=8192)
    parser.add_argument("--zero-stage", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to write the weights (default: a temporary folder)")
    return parser


def make_policy(shape: ModelShape, folder: Path, on_gpu: bool) -> None:
    """Write a Hugging Face folder: a model of `shape` with random weights, and a tokenizer that fits any vocabulary."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=shape.vocab,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        intermediate_size=shape.intermediate,
        tie_word_embeddings=shape.tied,
        max_position_embeddings=4096,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    with torch.device("cuda" if on_gpu else "cpu"):
        torch.set_default_dtype(torch.bfloat16)
        model = LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    TinyLlama(vocabulary_size=VOCABULARY).tokenizer(["What is 1+1? ```python\nprint(1+1)\n```"]).save_pretrained(folder)
    del model
    gc.collect()
    if on_gpu:
        torch.cuda.empty_cache()


def _config(policy: Path, arguments: argparse.Namespace, on_gpu: bool) -> RunConfig:
    gpus = int(on_gpu)
    return load_config(
        "7b",
        None,
        [
            f"base.name={policy}",
            "sampler.num_samplers=1",
            f"sampler.gpus_per_sampler={gpus}",
            f"sampler.engine.max_concurrent_rollouts={arguments.rollouts}",
            "learner.num_ranks=1",
            f"learner.gpus_per_rank={gpus}",
            f"learner.zero_stage={arguments.zero_stage}",
            f"learner.iteration.micro_batch_tokens={arguments.micro_batch_tokens}",
            f"learner.warm_start.micro_batch_tokens={arguments.micro_batch_tokens}",
            "learner.iteration.steps=4",
            "learner.iteration.batch_size=32",
        ],
    )


# ------------------------------------------------------------------------------------------------ sampling


async def measure_sampling(config: RunConfig, policy: Path, again: Path, rollouts: int, tokens: int) -> None:
    """Tokens per second of one engine, without and with a weight swap in the middle."""
    engine = PolicyEngine(config.sampler.engine, get_format(config.sampler.solution_format).stop)
    with _timed("engine started"):
        await engine.start(PolicyPointer(1, str(policy)))
    try:
        await _sample(engine, 8, 16)
        seconds, sampled, versions = await _sample(engine, rollouts, tokens)
        assert versions == {1}
        _print_row("sampled", f"{sampled / seconds:,.0f} tokens/s, {rollouts / seconds:.2f} rollouts/s")
        sampling = asyncio.create_task(_sample(engine, rollouts, tokens))
        await asyncio.sleep(seconds / 3)
        with _timed("weights swapped with rollouts in flight"):
            await engine.swap(PolicyPointer(2, str(again)))
        swapped, _, versions = await sampling
        assert versions == {1, 2}
        _print_row("sampled with a swap in the middle", f"{swapped - seconds:+.1f} s on {seconds:.1f}; none lost")
    finally:
        engine.close()


async def _sample(engine: PolicyEngine, rollouts: int, tokens: int) -> tuple[float, int, set[int]]:
    """Seconds for all rollouts, their number of tokens, and the policy versions that sampled them."""
    started = time.perf_counter()
    generations = await asyncio.gather(
        *(engine.generate(_prompt(number), tokens, Sampling(1.0)) for number in range(rollouts))
    )
    seconds = time.perf_counter() - started
    sampled = sum(len(generation.token_ids) for generation in generations)
    return seconds, sampled, {span.version for generation in generations for span in generation.spans}


def _prompt(number: int) -> tuple[int, ...]:
    return tuple(3 + (number * 7 + position * position) % (VOCABULARY - 3) for position in range(PROMPT_TOKENS))


# ------------------------------------------------------------------------------------------------ training


def measure_training(config: RunConfig, policy: Path, published: Path, tokens: int, on_gpu: bool) -> None:
    """Tokens per second of one rank, its peak memory against the plan, and the time to publish."""
    import torch

    from learner.engine import TrainingEngine

    role = plan_run(config, policy).roles[0]
    with _timed("learner built"):
        learner = TrainingEngine(config.learner, policy)
    phase = config.learner.iteration
    metrics = learner.train(_rollouts(4 * phase.batch_size, tokens), phase)
    assert metrics.steps == 4
    _print_row("trained", f"{metrics.all_tokens / metrics.seconds:,.0f} tokens/s, {metrics.seconds / 4:.2f} s a step")
    if on_gpu:
        measured = torch.cuda.max_memory_allocated() / GIB
        # The CUDA context and the allocator's slack are on the GPU, but torch does not count them.
        planned = (role.bytes - role.parts["overhead"]) / GIB
        _print_row(
            "memory at the peak", f"{measured:.1f} GiB, planned {planned:.1f} GiB, ratio {measured / planned:.2f}"
        )
        _print_row("memory reserved at the peak", f"{torch.cuda.max_memory_reserved() / GIB:.1f} GiB")
    with _timed("policy published"):
        learner.save_policy(published)
    learner.close()


def _rollouts(count: int, tokens: int) -> Sequence[Rollout]:
    return [
        Rollout(
            id=f"rollout-{number}",
            problem_id=f"problem-{number}",
            purpose=Purpose.DEMONSTRATION,
            outcome=Outcome.ACCEPTED,
            solution_format="tir",
            prompt_ids=_prompt(number),
            token_ids=tuple(3 + (number + position) % (VOCABULARY - 3) for position in range(tokens)),
            model_mask=(True,) * tokens,
        )
        for number in range(count)
    ]


# ------------------------------------------------------------------------------------------------ printing


@contextmanager
def _timed(label: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    _print_row(label, f"{time.perf_counter() - started:.1f} s")


def _print_row(label: str, value: str) -> None:
    print(f"{label:<42} {value}", flush=True)


if __name__ == "__main__":
    main()
    os._exit(0)  # the engines leave threads running
