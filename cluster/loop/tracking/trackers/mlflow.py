"""MLflow: a run in an experiment, on a tracking server or in a database."""

import os
from collections.abc import Mapping, Sequence
from itertools import batched
from typing import Any

from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from cluster.loop.tracking.point import Axis, Point, TrackedRun

_TAG = "automathes.run"
_MOST_METRICS = 1000  # of a call to MLflow
_MOST_PARAMS = 100
_MOST_CHARS = 500


class Mlflow:
    """A run in MLflow, which a resumed run continues: it is found by a tag.

    The axis' own metric comes last, so that a point that was cut off is logged again. MLflow keeps no value twice.
    """

    def __init__(self, client: MlflowClient, experiment: str, run: TrackedRun) -> None:
        """Find or create the experiment and the run."""
        self._client = client
        experiment_id = _experiment(client, experiment)
        found = client.search_runs([experiment_id], f"tags.`{_TAG}` = '{run.id}'", max_results=1)
        self._run_id = found[0].info.run_id if found else self._create(experiment_id, run)
        client.update_run(self._run_id, status="RUNNING")
        self.where = f"run {self._run_id} of experiment {experiment!r} in MLflow, {_shown(client.tracking_uri)}"
        latest = client.get_run(self._run_id).data.metrics
        self.logged = {axis: int(latest.get(axis.value, -1)) for axis in Axis}

    def log(self, points: Sequence[Point]) -> None:
        """Log the points."""
        metrics = [metric for point in points for metric in _metrics(point)]
        for some in batched(metrics, _MOST_METRICS):
            self._client.log_batch(self._run_id, metrics=list(some))

    def close(self) -> None:
        """Mark the run as finished; it is running again when it is resumed."""
        self._client.set_terminated(self._run_id)

    def _create(self, experiment_id: str, run: TrackedRun) -> str:
        run_id: str = self._client.create_run(experiment_id, run_name=run.name, tags={_TAG: run.id}).info.run_id
        params = [Param(key, str(value)[:_MOST_CHARS]) for key, value in _flat(run.configuration).items()]
        for some in batched(params, _MOST_PARAMS):
            self._client.log_batch(run_id, params=list(some))
        return run_id


def open_tracker(run: TrackedRun) -> Mlflow:
    """The run in MLflow."""
    settings = run.settings.mlflow
    uri = settings.uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{run.folder / 'mlflow.db'}"
    return Mlflow(MlflowClient(tracking_uri=uri), settings.experiment, run)


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return found.experiment_id if found is not None else client.create_experiment(name)


def _metrics(point: Point) -> list[Metric]:
    last = point.axis.value
    ordered = [*(pair for pair in point.values.items() if pair[0] != last), (last, point.values[last])]
    return [Metric(key, value, int(1000 * point.at_s), point.step) for key, value in ordered]


def _shown(uri: str) -> str:
    """A URI without the user and password that MLFLOW_TRACKING_URI may have."""
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The leaves of a configuration by their keys, such as `learner.iteration.steps`."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
