"""Which errors are printed in short, and with which exit code."""

from importlib import import_module

import pytest

from cluster.config.run_config import ConfigError
from cluster.console import errors
from store.errors import StoreError


@pytest.mark.parametrize("name", errors._WRONG_USE_ERRORS + errors._FAILURES)
def test_every_listed_error_exists(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert issubclass(getattr(import_module(module), attribute), Exception)


def test_a_known_error_is_printed_in_one_line_with_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        raise ConfigError("seed: must be 0 or more")

    assert errors.run_with_short_errors(command) == errors.WRONG_USE
    assert capsys.readouterr().err == "automathes: seed: must be 0 or more\n"
    assert errors.classify(StoreError("gone")) == errors.FAILED
    assert errors.classify(TimeoutError("no rollout")) == errors.FAILED


def test_an_unknown_error_keeps_its_traceback() -> None:
    def command() -> int:
        raise KeyError("unexpected")

    with pytest.raises(KeyError):
        errors.run_with_short_errors(command)


def test_ctrl_c_is_a_failure_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        raise KeyboardInterrupt

    assert errors.run_with_short_errors(command) == errors.FAILED
    assert capsys.readouterr().err == "stopped\n"
