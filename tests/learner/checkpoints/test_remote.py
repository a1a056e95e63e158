"""Checkpoints under a URL: complete only with the shards of all ranks, found and continued from another machine."""

import json
import subprocess
import sys
from pathlib import Path

from learner.checkpoints.folder import (
    TrainingKey,
    claim_folder,
    complete_checkpoints,
    finished_checkpoint,
    prune,
    remove_checkpoints,
    step_folder,
    training_folder,
    write_description,
)
from learner.publication import MANIFEST, publication
from learner.settings import LearnerSettings
from store.artifacts.cache import Cache
from store.artifacts.folder import folder_at
from store.artifacts.location import Location, join, name_of
from store.settings import StorageSettings

from ...s3_server import S3Server

KEY = TrainingKey.of(LearnerSettings(), training_set_id=4, phase="iteration", version=3)


def save(
    training: Location, step: int, storage: StorageSettings, attempt: str = "a", key: TrainingKey = KEY
) -> Location:
    place = step_folder(training, step, attempt)
    with publication(place, storage=storage) as temporary:
        write_description(temporary, key, step, total=20)
    return place


def test_checkpoints_are_found_in_their_order_and_others_are_removed(
    storage_url: str, storage: StorageSettings
) -> None:
    training = training_folder(storage_url, 3)
    saved = [save(training, step, storage, attempt) for step, attempt in ((10, "b"), (5, "a"), (15, "a"))]
    other = TrainingKey.of(LearnerSettings(seed=1), training_set_id=4, phase="iteration", version=3)
    save(training, 20, storage, key=other)
    folder_at(join(training, "step-000000018-c")).write("half", b"of an upload")
    assert finished_checkpoint(training) is not None
    assert claim_folder(training, KEY) == [saved[2], saved[0], saved[1]]
    assert [name_of(place) for place in complete_checkpoints(training)] == [
        "step-000000015-a",
        "step-000000010-b",
        "step-000000005-a",
    ]
    assert len(folder_at(training).folders()) == 3


def test_the_last_ones_are_kept_and_those_of_trainings_that_are_over_go(s3_url: str, storage: StorageSettings) -> None:
    training = training_folder(s3_url, 3)
    for step in (1, 2, 20):
        save(training, step, storage)
    prune(training, keep=2)
    assert len(complete_checkpoints(training)) == 2
    save(training_folder(s3_url, 2), 7, storage)
    assert len(remove_checkpoints(s3_url, keep_finished=3)) == 2
    assert [name_of(place) for place in complete_checkpoints(training)] == ["step-000000020-a"]
    remove_checkpoints(s3_url)
    assert folder_at(s3_url).sizes() == {}


_RANK = """
import json, sys, time
from pathlib import Path
import torch, torch.distributed as dist
from learner.checkpoints.folder import TrainingKey
from learner.checkpoints.state import TrainingState
from learner.checkpoints.writer import CheckpointWriter
from learner.loss import SkipCounter
from learner.progress import ProgressReport
from learner.settings import LearnerSettings
from store.settings import StorageSettings
rank, url, folder, fails = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4] == "fails"
dist.init_process_group("gloo", init_method=f"file://{folder / 'rendezvous'}", rank=rank, world_size=2)
storage = StorageSettings(cache=folder / f"machine-{rank}", silence_s=20)
if fails and rank == 1:  # its machine has no place for a scratch folder
    storage = StorageSettings(cache="/dev/null/cache", silence_s=20)
key = TrainingKey.of(LearnerSettings(num_ranks=2), 4, "iteration", 3)
report = ProgressReport()
writer = CheckpointWriter(url, key, "attempt", storage, every_s=1, in_background=True, report=report, last_step=-1)
def save_shards(folder, files):  # as DeepSpeed does: rank 0 makes the folder
    if rank == 0:
        files.make_folder(folder / "state")
    files.save({"weights": torch.full((1000,), float(rank))}, folder / "state" / f"shard-{rank}.pt")
state = TrainingState(SkipCounter(5), total=20)
state.step = 7
writer.begin(state, save_shards)
saved = writer.end()
print(json.dumps({"saved": saved, "last": writer.last_step, "warning": report.read().warning}), flush=True)
"""


def run_ranks(url: str, folder: Path, mode: str = "") -> list[dict]:
    commands = [[sys.executable, "-c", _RANK, str(rank), url, str(folder), mode] for rank in range(2)]
    ranks = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    return [json.loads(rank.communicate(timeout=200)[0].splitlines()[-1]) for rank in ranks]


def test_each_rank_uploads_its_own_shards_and_another_machine_reads_them_all(
    s3: S3Server, s3_url: str, tmp_path: Path
) -> None:
    import torch

    results = run_ranks(s3_url, tmp_path)
    assert [(one["saved"], one["last"], one["warning"]) for one in results] == [(True, 7, None)] * 2
    place = step_folder(s3_url, 7, "attempt")
    assert complete_checkpoints(s3_url) == [place]
    names = {"deepspeed/state/shard-0.pt", "deepspeed/state/shard-1.pt", "rank-00000.pt", "rank-00001.pt"}
    assert folder_at(place).sizes().keys() == {*names, "training.json", MANIFEST}
    with Cache(StorageSettings(cache=tmp_path / "another")).held(place) as folder:
        for rank in range(2):
            shard = torch.load(folder / "deepspeed" / "state" / f"shard-{rank}.pt")
            assert shard["weights"].mean() == rank
    assert [list((tmp_path / f"machine-{rank}").glob("scratch-*")) for rank in range(2)] == [[], []]


def test_a_checkpoint_without_the_shards_of_one_rank_is_not_complete_and_holds_nobody_up(
    s3: S3Server, s3_url: str, tmp_path: Path
) -> None:
    results = run_ranks(s3_url, tmp_path, "fails")
    assert [(one["saved"], one["last"]) for one in results] == [(False, -1)] * 2
    assert "the checkpoint of training step 7 was not saved" in results[0]["warning"]
    assert complete_checkpoints(s3_url) == []
