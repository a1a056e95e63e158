"""TensorBoard: event files in a folder. A point is one record, so that a killed process leaves all of it or nothing."""

import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import tomli_w
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboardX.summary import text

from cluster.loop.tracking.names import describe
from cluster.loop.tracking.point import Axis, Point, TrackedRun

_HEADER = struct.Struct("<QI")  # the length of the record and the checksum of that
_CHECKSUM_BYTES = 4
_SCALARS = SummaryMetadata.PluginData(plugin_name="scalars")


class TensorBoard:
    """Event files. A resumed run adds one to the folder, which TensorBoard shows as the same run."""

    def __init__(self, folder: Path, name: str, configuration: str) -> None:
        """`configuration` is shown with the metrics."""
        folder.mkdir(parents=True, exist_ok=True)
        self.where = f"tensorboard --logdir {folder}"
        self.logged = _last_steps(folder)
        self._described: set[str] = set()
        # TensorBoard reads files in the order of their names, which have but the second of their start.
        self._writer = EventsWriter(str(folder / "events"), filename_suffix=f".{time.time_ns()}")
        self._writer.write_event(Event(step=0, summary=text("configuration", f"run {name}\n\n```\n{configuration}```")))

    def log(self, points: Sequence[Point]) -> None:
        """Write the points and flush them."""
        for point in points:
            values = [self._value(tag, value) for tag, value in point.values.items()]
            self._writer.write_event(Event(step=point.step, wall_time=point.at_s, summary=Summary(value=values)))
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def _value(self, tag: str, value: float) -> Summary.Value:
        """A value; with the first one of a tag, the description that TensorBoard shows beside the chart."""
        if tag in self._described:
            return Summary.Value(tag=tag, simple_value=value)
        self._described.add(tag)
        metadata = SummaryMetadata(plugin_data=_SCALARS, display_name=tag, summary_description=describe(tag) or "")
        return Summary.Value(tag=tag, simple_value=value, metadata=metadata)


def open_tracker(run: TrackedRun) -> TensorBoard:
    """The event files of a run."""
    folder = run.settings.tensorboard.folder or run.folder / "tensorboard"
    return TensorBoard(folder.absolute(), run.name, tomli_w.dumps(dict(run.configuration)))


def _last_steps(folder: Path) -> dict[Axis, int]:
    """The last step of each axis in the event files of a folder."""
    last: dict[Axis, int] = {}
    for file in folder.glob("events.out.tfevents.*"):
        for event in _events(file):
            for axis in {value.tag for value in event.summary.value} & set(Axis):
                last[Axis(axis)] = max(last.get(Axis(axis), -1), event.step)
    return last


def _events(file: Path) -> Iterator[Event]:
    """The events of a file, without one at its end that was not written completely."""
    with file.open("rb") as stream:
        while len(header := stream.read(_HEADER.size)) == _HEADER.size:
            length, _ = _HEADER.unpack(header)
            record = stream.read(length + _CHECKSUM_BYTES)
            if len(record) < length + _CHECKSUM_BYTES:
                return
            yield Event.FromString(record[:length])
