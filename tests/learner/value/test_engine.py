"""Training of value models with DeepSpeed, and the folders that are published."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from actors.scoring.loading import open_scorer
from actors.settings import EngineSettings
from learner.batching import IGNORED
from learner.publication import AlreadyPublishedError, is_complete
from learner.value.engine import ValueEngine
from learner.value.loss import value_error_sum
from learner.value.network import MissingOutputLayerError
from learner.value.settings import CONTROL_HEADS
from store.records import Rollout

from .conftest import SHORT


def classifier(folder: Path) -> Any:
    from transformers import AutoModelForSequenceClassification

    return AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()


def scores(folder: Path, rollouts: list[Rollout]) -> list[float]:
    model = classifier(folder)
    with torch.inference_mode():
        return [float(model(torch.tensor([one.prompt_ids + one.token_ids])).logits[0, 0]) for one in rollouts]


def test_the_loss_is_the_squared_error_after_labelled_tokens() -> None:
    values = torch.tensor([[0.5, 0.25, 9.0], [0.5, 1.0, 0.0]])[..., None]
    labels = torch.tensor([[IGNORED, 7, IGNORED], [IGNORED, 7, 8]])
    found = value_error_sum(values, torch.tensor([[1.0], [0.0]]), labels)
    assert float(found) == pytest.approx(0.75**2 + 1.0)


def test_right_solutions_get_higher_scores_than_wrong_ones(
    engine_of: Callable[..., ValueEngine], judged: list[Rollout], tmp_path: Path
) -> None:
    engine = engine_of()
    engine.train(judged, SHORT.model_copy(update={"steps": 60}))
    engine.save_policy(tmp_path / "value")
    found = scores(tmp_path / "value", judged)
    assert sum(right > wrong for right, wrong in zip(found[::2], found[1::2], strict=True)) >= 57


def test_what_is_published_is_a_sequence_classifier_with_one_label(
    engine_of: Callable[..., ValueEngine], tmp_path: Path
) -> None:
    engine = engine_of()
    engine.save_policy(tmp_path / "value")
    model = classifier(tmp_path / "value")
    assert is_complete(tmp_path / "value")
    assert model.config.architectures == ["LlamaForSequenceClassification"]
    assert (model.config.num_labels, model.config.problem_type) == (1, "regression")
    assert model.config.pad_token_id == engine._model.pad_id
    assert (tmp_path / "value" / "tokenizer.json").is_file()
    with pytest.raises(AlreadyPublishedError):
        engine.save_policy(tmp_path / "value")


def test_a_control_ranks_no_outcome_first(
    engine_of: Callable[..., ValueEngine], judged: list[Rollout], tmp_path: Path
) -> None:
    engine = engine_of(shuffle_labels=True)
    engine.train(judged, SHORT.model_copy(update={"steps": 60}))
    engine.save_policy(tmp_path / "control")
    assert classifier(tmp_path / "control").config.num_labels == CONTROL_HEADS
    with open_scorer("torch", tmp_path / "control", EngineSettings(dtype="float32")) as scorer:
        found = scorer.score([one.prompt_ids + one.token_ids for one in judged], range(len(judged)))
    assert 15 < sum(right > wrong for right, wrong in zip(found[::2], found[1::2], strict=True)) < 45


def test_a_frozen_backbone_stays_as_it_was(
    engine_of: Callable[..., ValueEngine], judged: list[Rollout], base: Path, tmp_path: Path
) -> None:
    engine = engine_of(backbone="frozen")
    engine.train(judged, SHORT.model_copy(update={"steps": 4}))
    engine.save_policy(tmp_path / "value")
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "value" / "model.safetensors")
    backbone = [name for name in after if name != "score.weight"]
    assert all(torch.equal(before[name], after[name]) for name in backbone)
    assert after["score.weight"].shape == (1, 32)


def test_the_language_loss_is_added_for_right_solutions(
    engine_of: Callable[..., ValueEngine], judged: list[Rollout]
) -> None:
    phase = SHORT.model_copy(update={"steps": 12})
    alone = engine_of().train(judged, phase)
    together = engine_of(language_loss=True).train(judged, phase)
    assert together.first_loss > alone.first_loss
    assert together.final_loss < together.first_loss


def test_an_output_layer_that_is_not_tied_is_read_from_the_policy(
    engine_of: Callable[..., ValueEngine], judged: list[Rollout], base: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(base)
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    model.save_pretrained(tmp_path / "untied")
    AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path / "untied")
    phase = SHORT.model_copy(update={"steps": 2, "warmup_steps": 0})
    tied = engine_of(language_loss=True).train(judged, phase)
    untied = engine_of(tmp_path / "untied", language_loss=True).train(judged, phase)
    assert untied.first_loss == pytest.approx(tied.first_loss, rel=1e-4)


def test_a_policy_without_an_output_layer_cannot_have_a_language_loss(
    engine_of: Callable[..., ValueEngine], base: Path, tmp_path: Path
) -> None:
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(base)
    model.config.tie_word_embeddings = False
    model.save_pretrained(tmp_path / "headless")
    AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path / "headless")
    with pytest.raises(MissingOutputLayerError, match="without language_loss"):
        engine_of(tmp_path / "headless", language_loss=True)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [2, 3])
def test_every_zero_stage_trains_the_same(
    engine_of: Callable[..., ValueEngine], judged: list[Rollout], stage: int, tmp_path: Path
) -> None:
    phase = SHORT.model_copy(update={"steps": 3, "warmup_steps": 0})
    found = []
    for name, zero_stage in (("plain", 0), ("sharded", stage)):
        engine = engine_of(learner={"zero_stage": zero_stage}, language_loss=True)
        engine.train(judged, phase)
        engine.save_policy(tmp_path / name)
        engine.close()
        found.append(load_file(tmp_path / name / "model.safetensors"))
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=2e-5)
