"""Which tests run in the same worker, where several run at a time."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# Tests that share what takes long to start, and those with a Ray, of which two at a time are more than two processors
# can bear. These take longest, so they are the first to be given to a worker.
_TOGETHER = {
    "ray": (
        "cluster/serving/", "cluster/loop/", "cluster/hosts/", "cluster/ray/", "cluster/config/test_cluster_plan",
        "cluster/commands/test_doctor_", "cluster/commands/test_monitor", "cluster/commands/test_run",
        "learner/test_group", "old_runs/",
    ),
    "engine": ("actors/engine/", "actors/scoring/"),
    "review": ("cluster/review/",),
    "attacks": ("sandbox/attacks/",),
}  # fmt: skip


def sort_for_workers(items: list[pytest.Item]) -> None:
    """Put what takes longest first, and what belongs together next to each other."""
    turns = {group: turn for turn, group in enumerate(_TOGETHER)}
    items.sort(key=lambda item: turns.get(_group(item.nodeid), len(turns)))


def make_scheduler(config: pytest.Config, log: Any) -> "_ByGroup":
    """The scheduler of this run of the tests."""
    config.option.loadscopereorder = False
    return _ByGroup(config, log)


class _ByGroup(LoadScopeScheduling):  # type: ignore[misc]
    """Gives the tests of a file to one worker, and those of all files that belong together."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def _group(nodeid: str) -> str:
    file = nodeid.partition("::")[0].removeprefix("tests/")
    return next((group for group, places in _TOGETHER.items() if file.startswith(places)), file)
