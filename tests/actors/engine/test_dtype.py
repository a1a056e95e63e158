"""The number format of a policy when the setting is "auto"."""

from pathlib import Path

import pytest

from actors.engine import dtype
from actors.engine.dtype import processor_multiplies_bfloat16, resolve_dtype


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
def test_bfloat16_needs_a_processor_with_instructions_for_it(tmp_path: Path, cpuinfo: str, multiplies: bool) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(cpuinfo)

    assert processor_multiplies_bfloat16(file) is multiplies


@pytest.mark.parametrize(
    ("setting", "on_gpu", "multiplies", "expected"),
    [
        ("auto", True, False, "bfloat16"),
        ("auto", False, True, "bfloat16"),
        ("auto", False, False, "float32"),
        ("float16", True, False, "float16"),
        ("bfloat16", False, False, "bfloat16"),
    ],
)
def test_only_auto_depends_on_the_hardware(
    setting, on_gpu: bool, multiplies: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dtype, "processor_multiplies_bfloat16", lambda: multiplies)

    assert resolve_dtype(setting, on_gpu=on_gpu) == expected
