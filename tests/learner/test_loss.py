import math

import pytest
import torch

from learner.batching import IGNORED
from learner.learning_rate import learning_rate
from learner.loss import SkipCounter, TrainingDivergedError, poison_unless_finite, predicting_columns, token_loss_sum
from learner.settings import PhaseSettings


def test_the_loss_is_summed_over_labelled_tokens_predicted_from_the_previous_position() -> None:
    logits = torch.zeros(1, 2, 4)
    logits[0, 1, 2] = 50.0  # position 1 is certain that token 2 follows
    columns = torch.tensor([0, 1])
    last_only = token_loss_sum(logits, torch.tensor([[IGNORED, IGNORED, 2]]), columns)
    assert last_only.item() == pytest.approx(0.0, abs=1e-6)
    assert token_loss_sum(logits, torch.tensor([[IGNORED, 3, 2]]), columns).item() == pytest.approx(math.log(4))


def test_logits_are_needed_only_before_a_labelled_token() -> None:
    labels = torch.tensor([[IGNORED, IGNORED, 7, IGNORED, 9], [IGNORED, IGNORED, 5, IGNORED, IGNORED]])
    assert predicting_columns(labels).tolist() == [1, 3]


def test_a_batch_without_labels_has_no_loss_and_no_gradient() -> None:
    labels = torch.full((2, 3), IGNORED)
    columns = predicting_columns(labels)
    logits = torch.randn(2, len(columns), 4, requires_grad=True)
    loss = token_loss_sum(logits, labels, columns)
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_a_non_finite_loss_poisons_the_gradient() -> None:
    weight = torch.ones((), requires_grad=True)
    poison_unless_finite(weight * 2, torch.tensor(math.inf)).backward()
    assert weight.grad is not None
    assert torch.isnan(weight.grad)


def test_skipped_steps_are_counted_and_too_many_in_a_row_end_the_training() -> None:
    skipped = SkipCounter(max_in_a_row=2)
    skipped.record(0, taken=False)
    skipped.record(1, taken=True)
    skipped.record(2, taken=False)
    with pytest.raises(TrainingDivergedError, match="2 steps in a row"):
        skipped.record(3, taken=False)
    assert skipped.total == 3


def test_the_learning_rate_warms_up_and_decays_to_its_final_fraction() -> None:
    phase = PhaseSettings(steps=100, learning_rate=1.0, warmup_steps=10, final_fraction=0.1)
    rates = [learning_rate(phase, step, total=100) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.1, abs=0.01)


def test_a_constant_schedule_keeps_its_rate() -> None:
    phase = PhaseSettings(steps=5, learning_rate=0.5, warmup_steps=0, schedule="constant")
    assert {learning_rate(phase, step, total=5) for step in range(5)} == {0.5}
