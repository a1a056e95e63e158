import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from learner.batching import NoTrainingSamplesError
from learner.checkpoints.folder import (
    CheckpointUnreadableError,
    TrainingKey,
    complete_checkpoints,
    resumable_checkpoints,
)
from learner.checkpoints.resumption import Resumption
from learner.directive import Directive, TrainingInterrupted
from learner.engine import StateMismatchError, TrainingEngine
from learner.loss import TrainingDivergedError
from learner.policy_folder import PolicyFolderError
from learner.progress import StepFigures
from learner.publication import is_complete
from learner.publication.record import read_policy_record
from learner.settings import LearnerSettings, PhaseSettings
from store.records import Policy, Rollout

SHORT = PhaseSettings(steps=10, warmup_steps=2)
KEEP = PhaseSettings(steps=4, warmup_steps=0, schedule="constant", optimizer_state="keep")


@pytest.fixture
def engine_of(base: Path) -> Iterator[Callable[..., TrainingEngine]]:
    """A factory of engines on a policy folder (by default the base); closes them afterwards."""
    engines: list[TrainingEngine] = []

    def make(folder: Path = base, **settings: Any) -> TrainingEngine:
        engines.append(TrainingEngine(LearnerSettings(**settings), folder))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def assert_same_weights(one: Path, other: Path, tolerance: float = 0.0) -> None:
    torch.testing.assert_close(weights_of(one), weights_of(other), rtol=0, atol=tolerance)


def test_each_step_is_reported_as_it_is_made(
    engine_of: Callable[..., TrainingEngine], rollouts: Sequence[Rollout]
) -> None:
    steps: list[StepFigures] = []
    metrics = engine_of().train(rollouts, SHORT, on_step=steps.append)
    assert len(steps) == 10
    assert steps[0].loss == pytest.approx(metrics.first_loss)
    assert sum(step.grad_norm or 0.0 for step in steps) / 10 == pytest.approx(metrics.grad_norm)
    assert sum(step.tokens for step in steps) == metrics.tokens
    assert all(step.seconds > 0 and step.learning_rate > 0 for step in steps)


def test_the_loss_goes_down(engine_of: Callable[..., TrainingEngine], rollouts: Sequence[Rollout]) -> None:
    engine = engine_of()
    metrics = engine.train(rollouts, PhaseSettings(steps=60))
    assert metrics.final_loss < 0.5 * metrics.first_loss
    assert (metrics.steps, metrics.skipped_steps, metrics.sequences) == (60, 0, 60)
    assert 0 < metrics.tokens < metrics.all_tokens
    progress = engine.report.read()
    assert (progress.step, progress.total) == (60, 60)


def test_the_loss_of_the_first_step_equals_that_of_plain_transformers(
    engine_of: Callable[..., TrainingEngine], base: Path, rollouts: Sequence[Rollout]
) -> None:
    from transformers import AutoModelForCausalLM

    chosen = rollouts[:5]
    metrics = engine_of().train(chosen, PhaseSettings(steps=1, batch_size=5))
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    total, count = 0.0, 0
    for rollout in chosen:  # one at a time, so that padding cannot matter
        ids = torch.tensor([rollout.prompt_ids + rollout.token_ids])
        own = torch.tensor((False,) * len(rollout.prompt_ids) + rollout.model_mask)
        with torch.no_grad():
            losses = functional.cross_entropy(model(ids).logits[0, :-1], ids[0, 1:], reduction="none")
        total += float(losses[own[1:]].sum())
        count += int(own[1:].sum())
    assert metrics.tokens == count
    assert metrics.loss == pytest.approx(total / count, rel=1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("zero_stage", [0, 2, 3])
def test_every_zero_stage_trains_and_saves_a_model_that_transformers_loads(
    engine_of: Callable[..., TrainingEngine],
    base: Path,
    tmp_path: Path,
    rollouts: Sequence[Rollout],
    zero_stage: int,
    precision: str,
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    engine = engine_of(zero_stage=zero_stage, precision=precision)
    metrics = engine.train(rollouts, SHORT)
    assert metrics.steps == 10
    assert metrics.final_loss < metrics.first_loss
    checksum = engine.save_policy(tmp_path / "v000001")
    assert len(checksum) == 64
    assert is_complete(tmp_path / "v000001")
    model, info = AutoModelForCausalLM.from_pretrained(tmp_path / "v000001", output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert model.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)
    assert AutoTokenizer.from_pretrained(tmp_path / "v000001").encode("12") == AutoTokenizer.from_pretrained(
        base
    ).encode("12")
    before, after = weights_of(base), weights_of(tmp_path / "v000001")
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name].to(after[name].dtype), after[name]) for name in before)


def test_zero_stages_and_accumulation_agree(
    engine_of: Callable[..., TrainingEngine], tmp_path: Path, rollouts: Sequence[Rollout]
) -> None:
    accumulating = SHORT.model_copy(update={"micro_batch_tokens": 100})
    for name, stage, phase in (
        ("plain", 0, SHORT),
        ("0", 0, accumulating),
        ("2", 2, accumulating),
        ("3", 3, accumulating),
    ):
        engine = engine_of(zero_stage=stage)
        engine.train(rollouts, phase)
        engine.save_policy(tmp_path / name)
        assert_same_weights(tmp_path / "plain", tmp_path / name, tolerance=2e-3)


@pytest.mark.parametrize("option", ["gradient_checkpointing", "activation_offload"])
def test_saving_memory_changes_nothing(
    engine_of: Callable[..., TrainingEngine], tmp_path: Path, rollouts: Sequence[Rollout], option: str
) -> None:
    for name, settings in (("plain", {}), ("saving", {option: True})):
        engine = engine_of(**settings)
        engine.train(rollouts, SHORT)
        engine.save_policy(tmp_path / name)
    assert_same_weights(tmp_path / "plain", tmp_path / "saving", tolerance=1e-5)


def resumption(engine: TrainingEngine, folder: Path, attempt: str = "one") -> Resumption:
    """Checkpoints in `folder`; the training continues from the last one that is there."""
    key = TrainingKey.of(engine.settings, training_set_id=1, phase="iteration", version=3)
    return Resumption(folder, key, attempt, next(iter(resumable_checkpoints(folder, key)), None))


def stop_at(engine: TrainingEngine, step: int) -> Callable[[], Directive]:
    return lambda: Directive.STOP if engine.state.step >= step else Directive.RUN


def curve(engine: TrainingEngine) -> list[float]:
    """The loss of each step."""
    return [float(loss) for loss in engine.state.stats.loss_sums]


@pytest.mark.parametrize("in_background", [True, False])
@pytest.mark.parametrize("zero_stage", [0, 2, 3])
def test_a_training_that_was_stopped_continues_in_the_middle_of_its_epoch_as_if_undisturbed(
    engine_of: Callable[..., TrainingEngine],
    tmp_path: Path,
    rollouts: Sequence[Rollout],
    zero_stage: int,
    in_background: bool,
) -> None:
    settings = {"zero_stage": zero_stage, "iteration": SHORT, "checkpoint_in_background": in_background}
    undisturbed = engine_of(**settings)
    expected = undisturbed.train(rollouts, SHORT, seed=3)
    undisturbed.save_policy(tmp_path / "undisturbed")
    stopped = engine_of(**settings)
    with pytest.raises(TrainingInterrupted) as interruption:
        stopped.train(rollouts, SHORT, 3, resumption(stopped, tmp_path / "training"), stop_at(stopped, 7))
    assert (interruption.value.step, interruption.value.total, interruption.value.is_saved) == (7, 10, True)

    torch.manual_seed(99)
    resumed = engine_of(**settings)
    metrics = resumed.train(rollouts, SHORT, 3, resumption(resumed, tmp_path / "training", "two"))
    resumed.save_policy(tmp_path / "resumed")

    assert curve(resumed) == curve(undisturbed)
    assert (metrics.loss, metrics.grad_norm, metrics.learning_rate, metrics.steps) == (
        expected.loss,
        expected.grad_norm,
        expected.learning_rate,
        expected.steps,
    )
    assert_same_weights(tmp_path / "undisturbed", tmp_path / "resumed")


@pytest.mark.parametrize("zero_stage", [0, 2, 3])
def test_checkpoints_are_saved_while_a_training_goes_on_and_the_last_two_are_kept(
    engine_of: Callable[..., TrainingEngine], tmp_path: Path, rollouts: Sequence[Rollout], zero_stage: int
) -> None:
    phase = PhaseSettings(steps=60)
    engine = engine_of(zero_stage=zero_stage, iteration=phase, checkpoint_every_s=0.001)
    engine.train(rollouts, phase, 3, resumption(engine, tmp_path))
    engine.save_policy(tmp_path / "undisturbed")
    saved = complete_checkpoints(tmp_path)
    assert len(saved) == 2
    assert saved[0].name == "step-000000060", "it is saved before it is published"
    assert not list(tmp_path.glob(".tmp-*"))

    again = engine_of(zero_stage=zero_stage, iteration=phase)  # from the one in the middle
    key = TrainingKey.of(again.settings, training_set_id=1, phase="iteration", version=3)
    again.train(rollouts, phase, 3, Resumption(tmp_path, key, "two", saved[1]))
    again.save_policy(tmp_path / "resumed")
    assert 0 < int(saved[1].name.removeprefix("step-")) < 60
    assert_same_weights(tmp_path / "undisturbed", tmp_path / "resumed")


def test_a_short_training_writes_no_checkpoint_unless_its_optimizer_is_kept(
    engine_of: Callable[..., TrainingEngine], tmp_path: Path, rollouts: Sequence[Rollout]
) -> None:
    for phase, expected in ((SHORT, []), (KEEP, ["step-000000004"])):
        engine = engine_of(iteration=phase)
        folder = tmp_path / phase.optimizer_state
        engine.train(rollouts, phase, 3, resumption(engine, folder))
        assert [path.name for path in complete_checkpoints(folder)] == expected


@pytest.mark.parametrize("zero_stage", [0, 2, 3])
def test_the_optimizer_that_was_kept_is_that_of_the_next_training(
    engine_of: Callable[..., TrainingEngine], tmp_path: Path, rollouts: Sequence[Rollout], zero_stage: int
) -> None:
    uninterrupted = engine_of(zero_stage=zero_stage, iteration=KEEP)
    uninterrupted.train(rollouts, SHORT, 3, resumption(uninterrupted, tmp_path / "training"))
    uninterrupted.train(rollouts, KEEP, seed=1)
    uninterrupted.save_policy(tmp_path / "uninterrupted")

    resumed = engine_of(zero_stage=zero_stage, iteration=KEEP)
    resumed.load_state(complete_checkpoints(tmp_path / "training")[0])
    resumed.train(rollouts, KEEP, seed=1)
    resumed.save_policy(tmp_path / "resumed")
    assert_same_weights(tmp_path / "uninterrupted", tmp_path / "resumed")


def test_a_training_that_is_paused_holds_at_a_steps_end(
    engine_of: Callable[..., TrainingEngine], rollouts: Sequence[Rollout]
) -> None:
    engine = engine_of()
    seen: list[tuple[int, str]] = []

    def directive() -> Directive:
        seen.append((engine.state.step, engine.report.read().activity))
        return Directive.PAUSE if engine.state.step == 4 and len(seen) < 7 else Directive.RUN

    metrics = engine.train(rollouts, SHORT, 0, None, directive)
    assert metrics.steps == 10
    assert seen[4:7] == [(4, "is paused, with 4 of 10 steps done")] * 3


def test_a_checkpoint_that_cannot_be_written_costs_no_training(
    engine_of: Callable[..., TrainingEngine], tmp_path: Path, rollouts: Sequence[Rollout]
) -> None:
    (tmp_path / "training").write_text("not a folder")
    engine = engine_of(iteration=SHORT, checkpoint_every_s=0.001)
    metrics = engine.train(rollouts, SHORT, 3, resumption(engine, tmp_path / "training"))
    assert metrics.steps == 10
    warning = engine.report.read().warning
    assert warning is not None
    assert "the checkpoint of training step 10 was not saved" in warning


def test_a_checkpoint_that_cannot_be_read_is_refused(
    engine_of: Callable[..., TrainingEngine], tmp_path: Path, rollouts: Sequence[Rollout]
) -> None:
    engine = engine_of(iteration=SHORT)
    with pytest.raises(TrainingInterrupted):
        engine.train(rollouts, SHORT, 3, resumption(engine, tmp_path), stop_at(engine, 2))
    (shard,) = tmp_path.rglob("*model_states.pt")
    shard.write_bytes(bytes(shard.stat().st_size))
    with pytest.raises(CheckpointUnreadableError, match="step-000000002 cannot be read"):
        engine.train(rollouts, SHORT, 3, resumption(engine, tmp_path, "two"))


def test_a_policy_names_the_training_that_made_it(engine_of: Callable[..., TrainingEngine], tmp_path: Path) -> None:
    record = Policy(5, 4, "", training_set_id=8, metrics={"loss": 0.25}, iteration=4)
    checksum = engine_of().save_policy(tmp_path / "v000005", record)
    found = read_policy_record(tmp_path / "v000005")
    assert found is not None
    assert (found.version, found.parent, found.training_set_id, found.checksum) == (5, 4, 8, checksum)


@pytest.mark.parametrize("zero_stage", [0, 3])
def test_a_fresh_phase_gives_the_same_result_from_a_loaded_policy(
    engine_of: Callable[..., TrainingEngine], tmp_path: Path, rollouts: Sequence[Rollout], zero_stage: int
) -> None:
    trained = engine_of(zero_stage=zero_stage)
    trained.train(rollouts, SHORT)
    trained.save_policy(tmp_path / "v000001")
    trained.train(rollouts, SHORT, seed=2)  # keeps the weights, clears the moments
    trained.save_policy(tmp_path / "kept")
    trained.load_policy(tmp_path / "v000001")
    trained.train(rollouts, SHORT, seed=2)
    trained.save_policy(tmp_path / "loaded")
    assert_same_weights(tmp_path / "kept", tmp_path / "loaded", tolerance=1e-6)


@pytest.mark.parametrize("zero_stage", [0, 2, 3])
def test_no_step_is_taken_on_a_non_finite_loss(
    engine_of: Callable[..., TrainingEngine], base: Path, tmp_path: Path, rollouts: Sequence[Rollout], zero_stage: int
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(base, broken)
    weights = weights_of(base)
    weights["model.norm.weight"][0] = torch.nan
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    engine = engine_of(broken, zero_stage=zero_stage, max_skipped_in_a_row=3)
    with pytest.raises(TrainingDivergedError, match="3 steps in a row"):
        engine.train(rollouts, SHORT)
    engine.save_policy(tmp_path / "after")
    embedding = "model.embed_tokens.weight"
    assert torch.equal(weights_of(tmp_path / "after")[embedding], weights[embedding])


def test_a_state_of_another_zero_stage_or_an_incomplete_one_is_refused(
    engine_of: Callable[..., TrainingEngine], tmp_path: Path, rollouts: Sequence[Rollout]
) -> None:
    engine = engine_of(iteration=KEEP)
    engine.train(rollouts, KEEP, 3, resumption(engine, tmp_path))
    with pytest.raises(StateMismatchError, match="zero_stage = 2"):
        engine_of(zero_stage=2).load_state(complete_checkpoints(tmp_path)[0])
    with pytest.raises(StateMismatchError, match="no complete learner state"):
        engine.load_state(tmp_path / "nowhere")


def test_nothing_to_train_on_is_refused_before_anything_changes(engine_of: Callable[..., TrainingEngine]) -> None:
    with pytest.raises(NoTrainingSamplesError):
        engine_of().train([], SHORT)


@pytest.mark.parametrize(
    ("missing", "message"),
    [("config.json", "no config.json"), ("model.safetensors", "no weights"), ("tokenizer.json", "no tokenizer")],
)
def test_a_folder_that_is_not_a_policy_is_refused_with_the_reason(
    engine_of: Callable[..., TrainingEngine], base: Path, tmp_path: Path, missing: str, message: str
) -> None:
    shutil.copytree(base, tmp_path / "policy")
    (tmp_path / "policy" / missing).unlink()
    with pytest.raises(PolicyFolderError, match=message):
        engine_of(tmp_path / "policy")
