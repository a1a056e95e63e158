"""Which number format a policy is sampled in where that is left open."""

from pathlib import Path

import pytest

from actors import dtype
from actors.dtype import processor_multiplies_bfloat16, resolve_dtype


@pytest.mark.parametrize(
    ("cpuinfo", "multiplies"),
    [
        ("processor\t: 0\nflags\t\t: fpu sse2 avx avx2 fma\n\nprocessor\t: 1\nflags\t\t: fpu amx_bf16\n", False),
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512bw avx512vl\n", False),
        ("processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16\n", True),
        ("processor\t: 0\nmodel name\t: flags: none\nflags\t\t: amx_bf16 amx_tile\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd sve bf16\n", True),
        ("processor\t: 0\n", False),
    ],
)
def test_bfloat16_is_for_processors_with_instructions_for_it(tmp_path: Path, cpuinfo: str, multiplies: bool) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(cpuinfo)

    assert processor_multiplies_bfloat16(file) is multiplies


@pytest.mark.parametrize(
    ("wanted", "on_gpu", "multiplies", "got"),
    [
        ("auto", True, False, "bfloat16"),
        ("auto", False, True, "bfloat16"),
        ("auto", False, False, "float32"),
        ("float16", True, False, "float16"),
        ("bfloat16", False, False, "bfloat16"),
    ],
)
def test_only_what_is_left_open_is_decided(
    wanted, on_gpu: bool, multiplies: bool, got: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dtype, "processor_multiplies_bfloat16", lambda: multiplies)

    assert resolve_dtype(wanted, on_gpu=on_gpu) == got
