"""A Ray that does not start in time is started again, and leaves nothing of the start that failed."""

import subprocess
from typing import Any

import psutil
import pytest
import ray

from cluster.ray.starting import start_ray

LATE = "The current node timed out during startup. This could happen because some of the raylet failed to startup"


class Init:
    """Stands in for `ray.init`, which fails so on a busy machine only: it starts a process, and may fail."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.started: list[subprocess.Popen[bytes]] = []

    def __call__(self, **options: Any) -> dict[str, Any]:
        self.started.append(subprocess.Popen(["sleep", "300"]))
        if self.errors:
            raise self.errors.pop(0)
        return options


@pytest.fixture
def init(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    made = Init(*request.param)
    monkeypatch.setattr(ray, "init", made)
    yield made
    for process in made.started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("init", [[Exception(LATE), Exception(LATE)]], indirect=True)
def test_a_start_that_took_too_long_is_ended_and_tried_again(init: Init) -> None:
    notes: list[str] = []
    assert start_ray(notes.append, num_cpus=2) == {"address": "local", "num_cpus": 2}
    assert [psutil.pid_exists(process.pid) for process in init.started] == [False, False, True]
    assert [note.rpartition(": ")[2] for note in notes] == ["attempt 2 of 3", "attempt 3 of 3"]


@pytest.mark.parametrize("init", [[Exception(LATE)] * 3], indirect=True)
def test_the_third_failure_is_raised(init: Init) -> None:
    with pytest.raises(Exception, match="timed out during startup"):
        start_ray()
    assert len(init.started) == 3


@pytest.mark.parametrize("init", [[ValueError("object_store_memory: too much")]], indirect=True)
def test_another_error_is_raised_at_once(init: Init) -> None:
    with pytest.raises(ValueError, match="too much"):
        start_ray()
    assert len(init.started) == 1
