import pytest
from pydantic import ValidationError

from learner.settings import LearnerSettings, PhaseSettings


def test_a_phase_without_an_end_is_refused() -> None:
    with pytest.raises(ValidationError, match="set `steps`, `epochs` or both"):
        PhaseSettings()


@pytest.mark.parametrize(
    "wrong", [{"zero_stage": 1}, {"num_ranks": 0}, {"learning_rte": 1e-3}, {"adam_betas": (0.9, 1.0)}]
)
def test_unknown_keys_and_values_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LearnerSettings.model_validate(wrong)


def test_an_unknown_phase_is_refused() -> None:
    with pytest.raises(ValueError, match="cool_down"):
        LearnerSettings().phase("cool_down")
