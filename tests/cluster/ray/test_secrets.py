"""No file of a cluster carries a secret: passwords, keys and tokens come from files and Secrets that users make."""

import re
from pathlib import Path

import pytest

from tests.cluster.ray.files import RAY_FILES

FILES = sorted(path for path in RAY_FILES.rglob("*") if path.suffix == ".yaml" or path.name == "Dockerfile")
SECRET = re.compile(
    r"AKIA[0-9A-Z]{16}|aws_(access|secret)|PRIVATE KEY|hf_[A-Za-z0-9]{20}|://[^/\s]*:[^/\s]*@"
    r"|password['\"]?:\s*['\"]?[A-Za-z0-9]",
    re.IGNORECASE,
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(RAY_FILES)))
def test_it_carries_no_secret(file: Path) -> None:
    assert not SECRET.search(file.read_text())


@pytest.mark.parametrize(
    "line",
    [
        "aws_secret_access_key = x",
        "store.url=postgresql://automathes:swordfish@host/automathes",
        "POSTGRES_PASSWORD: swordfish",
        "token: hf_abcdefghijklmnopqrstuvwxyz",
    ],
)
def test_secrets_would_be_found(line: str) -> None:
    assert SECRET.search(line)
