from pathlib import Path

from learner.checkpoints.folder import (
    TrainingKey,
    claim_folder,
    complete_checkpoints,
    finished_checkpoint,
    prune,
    remove_checkpoints,
    resumable_checkpoints,
    step_folder,
    training_folder,
    write_description,
)
from learner.publication import MANIFEST, publication
from learner.settings import LearnerSettings

KEY = TrainingKey.of(LearnerSettings(), training_set_id=4, phase="iteration", version=3)


def save(training: Path, step: int, key: TrainingKey = KEY, total: int = 5000) -> Path:
    with publication(step_folder(training, step)) as temporary:
        write_description(temporary, key, step, total)
    return step_folder(training, step)


def test_the_newest_complete_checkpoint_comes_first(tmp_path: Path) -> None:
    saved = [save(tmp_path, step) for step in (100, 2_000, 30)]
    (saved[1] / MANIFEST).unlink()
    assert [path.name for path in resumable_checkpoints(tmp_path, KEY)] == ["step-000000100", "step-000000030"]


def test_a_checkpoint_of_another_training_or_with_other_settings_is_not_resumed(tmp_path: Path) -> None:
    save(tmp_path, 1)
    for other in (
        TrainingKey.of(LearnerSettings(), training_set_id=5, phase="iteration", version=3),
        TrainingKey.of(LearnerSettings(num_ranks=2), training_set_id=4, phase="iteration", version=3),
        TrainingKey.of(LearnerSettings(seed=1), training_set_id=4, phase="iteration", version=3),
    ):
        assert resumable_checkpoints(tmp_path, other) == []
    limits = LearnerSettings(silence_s=7, checkpoint_every_s=7, threads=3)
    assert resumable_checkpoints(tmp_path, TrainingKey.of(limits, 4, "iteration", 3)) == [step_folder(tmp_path, 1)]


def test_only_a_checkpoint_after_the_last_step_has_the_weights_of_the_policy(tmp_path: Path) -> None:
    save(tmp_path, 10, total=20)
    assert finished_checkpoint(tmp_path) is None
    last = save(tmp_path, 20, total=20)
    assert finished_checkpoint(tmp_path) == last
    assert finished_checkpoint(tmp_path / "elsewhere") is None


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    for step in range(5):
        save(tmp_path, step)
    prune(tmp_path, keep=2)
    assert [path.name for path in complete_checkpoints(tmp_path)] == ["step-000000004", "step-000000003"]


def test_after_an_unreadable_one_was_passed_over_the_new_ones_are_kept(tmp_path: Path) -> None:
    for step in (90, 100, 50, 60, 70):  # 90 and 100 cannot be read, the training went on from an earlier one
        save(tmp_path, step)
    prune(tmp_path, keep=2)
    assert [path.name for path in complete_checkpoints(tmp_path)] == ["step-000000070", "step-000000060"]


def test_what_a_training_cannot_continue_from_is_removed(tmp_path: Path) -> None:
    own = save(tmp_path, 1)
    save(tmp_path, 2, TrainingKey.of(LearnerSettings(num_ranks=2), training_set_id=4, phase="iteration", version=3))
    (tmp_path / ".tmp-step-000000003-x").mkdir()
    assert claim_folder(tmp_path, KEY) == [own]
    assert list(tmp_path.iterdir()) == [own]


def test_checkpoints_of_other_trainings_are_removed(tmp_path: Path) -> None:
    for version in (3, 4, 5):
        for step in (1, 2):
            save(training_folder(tmp_path, version), step, total=2)
    (training_folder(tmp_path, 5) / ".tmp-step-000000003-x").mkdir()
    (tmp_path / ".tmp-iteration-0002-17").mkdir()
    (tmp_path / "iteration-0002").mkdir()
    remove_checkpoints(tmp_path, keep_version=5, keep_finished=4)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*") if path.is_dir())
    assert left == [
        "training-v000004/step-000000002",
        "training-v000005/step-000000001",
        "training-v000005/step-000000002",
    ]
    assert (tmp_path / "iteration-0002").is_dir()
    assert not list(tmp_path.glob(".tmp*"))
