"""What trackers have: by metric, pairs of the step and the value, each as often as it was logged."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

type Series = dict[str, list[tuple[int, float]]]


def read_tensorboard(folder: Path) -> Series:
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={SCALARS: 0})
    events.Reload()
    return {tag: [(one.step, one.value) for one in events.Scalars(tag)] for tag in events.Tags()[SCALARS]}


def read_wandb(folder: Path) -> Series:
    """Of offline runs. The step is that of the metric's axis, as in a chart."""
    from wandb.proto.wandb_internal_pb2 import Record

    series: Series = {}
    for file in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        for data in _leveldb_records(file.read_bytes()):
            items = Record.FromString(data).history.item
            row = {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}
            for name in (name for name in row if not name.startswith("_")):
                axis = "training/step" if name.startswith("training/") else "policy_version"
                series.setdefault(name, []).append((int(row[axis]), row[name]))
    return series


def _leveldb_records(log: bytes) -> Iterator[bytes]:
    """The records of a log of W&B: LevelDB's format, after a header of 7 bytes."""
    block, header, position, parts = 32768, struct.Struct("<IHB"), 7, []
    while position + header.size <= len(log):
        if (left := block - position % block) < header.size:
            position += left
            continue
        _, length, kind = header.unpack_from(log, position)
        position += header.size
        parts.append(log[position : position + length])
        position += length
        if kind in (1, 4):  # a whole record, the last part of one
            yield b"".join(parts)
            parts = []


def read_mlflow(folder: Path) -> Series:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("automathes")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    return {
        name: [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }
