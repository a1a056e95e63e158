"""The token: from a file, the environment, or made once; never one that others can read or guess."""

import subprocess
from pathlib import Path

import pytest

from cluster.config.run_config import ConfigError
from cluster.config.token import TOKEN_VARIABLE, find_token

TOKEN = "0123456789abcdef"


@pytest.fixture(autouse=True)
def no_token_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)


def test_a_token_is_made_once_for_this_user_alone(tmp_path: Path) -> None:
    runs = tmp_path / "my runs"
    token, shown_as = find_token(runs, None)
    assert len(token) >= 40
    assert subprocess.check_output(["sh", "-c", f'printf %s "{shown_as}"'], text=True) == token
    assert [path.stat().st_mode & 0o777 for path in runs.iterdir()] == [0o600]
    assert find_token(runs, None) == (token, shown_as)


def test_a_file_precedes_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert find_token(tmp_path, None) == (TOKEN, f"${TOKEN_VARIABLE}")
    file = tmp_path / "token"
    file.write_text("another token of 16\n")
    file.chmod(0o600)
    assert find_token(tmp_path, file) == ("another token of 16", f"$(cat {file})")


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match=f"other users may read this token: `chmod 600 {file}`"):
        find_token(tmp_path, file)


@pytest.mark.parametrize("text", ["", "short", "ä" * 20])
def test_a_weak_token_is_refused_without_being_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, text)
    with pytest.raises(ConfigError, match=f"{TOKEN_VARIABLE}: a token has at least 16 ASCII characters") as error:
        find_token(tmp_path, None)
    assert not text or text not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: the token cannot be read"):
        find_token(tmp_path, tmp_path / "nowhere")
