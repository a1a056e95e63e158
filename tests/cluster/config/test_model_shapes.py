"""Shapes of models: the table of known ones, and `config.json` files."""

import json
from pathlib import Path

import pytest

from cluster.config.model_shapes import ShapeError, UnknownModelError, shape_of_model


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Qwen/Qwen2.5-Math-7B", 7_615_616_512),
        ("Qwen/Qwen2.5-Math-1.5B", 1_543_714_304),
        ("mistralai/Mistral-7B-v0.1", 7_241_732_096),
        ("SmolLM2-135M-Instruct", 134_515_008),
    ],
)
def test_the_parameters_of_known_models_are_those_of_their_checkpoints(name: str, parameters: int) -> None:
    assert shape_of_model(name).parameters == parameters


def test_a_folder_is_planned_by_its_own_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps(
            {
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 11008,
                "vocab_size": 32000,
            }
        )
    )

    assert shape_of_model(str(tmp_path)).parameters == 6_738_415_616  # Llama 2 7B


def test_a_config_without_a_size_is_refused_by_key(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"hidden_size": 8, "num_attention_heads": 2}')

    with pytest.raises(ShapeError, match="num_hidden_layers"):
        shape_of_model(str(tmp_path))


def test_a_config_that_is_not_json_is_refused_by_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")

    with pytest.raises(ShapeError, match=r"config\.json cannot be read"):
        shape_of_model(str(tmp_path))


@pytest.mark.parametrize("name", ["nobody/no-such-model", "not a name"])
def test_an_unknown_model_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(UnknownModelError, match="give a folder"):
        shape_of_model(name)
