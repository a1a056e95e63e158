"""Weights & Biases. Each axis of the metrics is an axis of its charts; its own steps count the points."""

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wandb

from cluster.loop.tracking.names import METRICS
from cluster.loop.tracking.point import Axis, Point, TrackedRun

_ROWS = "rows"
# Of several patterns that match, W&B takes any, so that none of them may overlap with another.
_PATTERNS = sorted({re.sub("/.*", "/*", name) for name in METRICS if name not in set(Axis)})


class WeightsAndBiases:
    """A run in W&B, which a resumed run continues.

    An offline run cannot read what it logged, so that the last steps are also kept in a file.
    """

    def __init__(self, run: Any, cursor: Path) -> None:
        """`run` is what `wandb.init` returns; `cursor` the file."""
        self._run = run
        self._cursor = cursor
        self._last = json.loads(cursor.read_text(encoding="utf-8")) if cursor.is_file() else {}
        self.where = run.url or f"wandb sync {Path(run.dir).parent}"
        self.logged = {axis: max(step, self._last.get(axis, -1)) for axis, step in _last_steps(run).items()}
        self._rows = max(run.step, self._last.get(_ROWS, 0))
        for pattern in _PATTERNS:
            run.define_metric(pattern, step_metric=Axis.TRAINING if pattern.startswith("training/") else Axis.POLICY)

    def log(self, points: Sequence[Point]) -> None:
        """Give the points to W&B's own process, which writes and uploads them."""
        for point in points:
            self._run.log(dict(point.values), step=self._rows)
            self._rows += 1
            self._last[point.axis] = point.step
        self._last[_ROWS] = self._rows
        aside = self._cursor.with_suffix(".tmp")
        aside.write_text(json.dumps(self._last), encoding="utf-8")
        aside.replace(self._cursor)

    def close(self) -> None:
        """Complete the uploads."""
        self._run.finish()


def open_tracker(run: TrackedRun) -> WeightsAndBiases:
    """Create or continue the run in W&B; WANDB_MODE and the other variables of W&B apply."""
    settings = run.settings.wandb
    logging.getLogger("wandb").setLevel(logging.ERROR)
    started = wandb.init(
        project=settings.project,
        entity=settings.entity,
        group=settings.group,
        tags=settings.tags,
        id=run.id,
        name=run.name,
        resume="allow",
        dir=run.folder,
        config=dict(run.configuration),
        # Neither the output of the driver, nor code, git remotes or the command line leave the machine.
        settings=wandb.Settings(console="off", silent=True, save_code=False, disable_git=True, x_disable_meta=True),
    )
    started.config.update(dict(run.configuration), allow_val_change=True)
    return WeightsAndBiases(started, run.folder / "wandb" / f"{run.id}.json")


def _last_steps(run: Any) -> dict[Axis, int]:
    return {axis: int(run.summary.get(axis.value, -1)) for axis in Axis}
