"""The cost of keeping log-probabilities: tokens per second with and without them, and bytes per rollout.

    python tests/benchmarks/logprobs.py [--base tiny_llama|smollm2] [--requests N] [--tokens N] [--rounds N]

One engine serves both ways in turn, round by round, with the same requests; each round begins with the other way. The
time to pack and to unpack them, and the size of the column beside those of ids and mask, are of the sampled rollouts.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from actors.engine import PolicyEngine
from actors.engine.turns import TurnRules
from actors.formats import get_format
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import Generation
from actors.settings import EngineSettings
from learner.bases import make_base
from learner.bases.smollm2 import SmolLM2
from learner.bases.tiny_llama import TinyLlama
from store.records import PolicyPointer, Sampling
from store.rollouts.packing import pack_ids, pack_logprobs, pack_mask, unpack_logprobs

FORMAT = get_format("tir")
# The model of the demo (cluster/config/presets/demo.toml).
DEMO = TinyLlama(hidden_size=128, num_layers=2, intermediate_size=384, num_heads=4, num_kv_heads=2, head_size=32)
CORPUS = [f"Question: What is {a} * {a + 1}?\nSolution:\n```python\nprint({a} * {a + 1})\n```\n" for a in range(500)]


async def measure(folder: Path, arguments: argparse.Namespace) -> None:
    settings = EngineSettings(max_model_len=1024, max_concurrent_rollouts=arguments.concurrency)
    engine = PolicyEngine(settings, FORMAT.stop)
    await engine.start(PolicyPointer(1, str(folder)))
    codec = Codec.from_folder(folder, FORMAT)
    contexts = [codec.prompt(f"What is {number} * 7?") for number in range(arguments.requests)]
    speeds: dict[bool, list[float]] = {True: [], False: []}
    turns: list[Generation] = []
    for number in range(arguments.rounds + 1):
        for kept in (number % 2 == 0, number % 2 == 1):
            engine._rules = TurnRules(FORMAT.stop, logprobs=kept, end_on_repetition=False)
            started = time.perf_counter()
            made = await sample(engine, contexts, arguments)
            seconds = time.perf_counter() - started
            if number > 0:  # the first round warms up
                speeds[kept].append(sum(len(turn.token_ids) for turn in made) / seconds)
            turns = made if kept else turns
    engine.close()
    report_speed(speeds)
    report_size(turns)


async def sample(engine: PolicyEngine, contexts: Sequence[Any], arguments: argparse.Namespace) -> list[Generation]:
    slots = asyncio.Semaphore(arguments.concurrency)

    async def turn(context: Any) -> Generation:
        async with slots:
            return await engine.generate(context, arguments.tokens, Sampling(0.8))

    return await asyncio.gather(*(turn(context) for context in contexts))


def report_speed(speeds: dict[bool, list[float]]) -> None:
    for kept, name in ((False, "without"), (True, "with")):
        print(f"{name:>8}: {statistics.median(speeds[kept]):8.0f} tokens/s (median), {_range(speeds[kept])}")
    ratios = [one / other for one, other in zip(speeds[True], speeds[False], strict=True)]
    print(f"   ratio: {statistics.median(ratios):8.3f} (median of {len(ratios)} rounds), {_range(ratios)}")


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.4g} to {max(values):.4g}"


def report_size(turns: Sequence[Generation]) -> None:
    tokens = sum(len(turn.token_ids) for turn in turns)
    columns = {
        "ids": b"".join(pack_ids(turn.token_ids) for turn in turns),
        "mask": b"".join(pack_mask([True] * len(turn.token_ids)) for turn in turns),
        "logprobs": b"".join(pack_logprobs(turn.logprobs or (), [True] * len(turn.token_ids)) for turn in turns),
    }
    print(f"{len(turns)} turns of {tokens / len(turns):.0f} tokens; bytes per token:")
    for name, packed in columns.items():
        print(f"{name:>8}: {len(packed) / tokens:.2f}, deflated {len(zlib.compress(packed, 1)) / tokens:.2f}")
    masks = [[True] * len(turn.token_ids) for turn in turns]
    packed = [pack_logprobs(turn.logprobs or (), mask) for turn, mask in zip(turns, masks, strict=True)]
    packing = _microseconds(lambda n: pack_logprobs(turns[n].logprobs or (), masks[n]), len(turns))
    unpacking = _microseconds(lambda n: unpack_logprobs(packed[n], masks[n]), len(turns))
    print(f"packing {packing:.0f} us and unpacking {unpacking:.0f} us a rollout")


def _microseconds(call: Callable[[int], Any], count: int) -> float:
    started = time.perf_counter()
    for number in range(count):
        call(number)
    return 1e6 * (time.perf_counter() - started) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", choices=("tiny_llama", "smollm2"), default="tiny_llama")
    parser.add_argument("--requests", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=96, help="at most, of each request")
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=6)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "1"
        make_base(DEMO if arguments.base == "tiny_llama" else SmolLM2(), folder, CORPUS)
        asyncio.run(measure(folder, arguments))


if __name__ == "__main__":
    main()
