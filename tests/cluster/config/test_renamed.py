"""Keys of earlier versions: a run's own file is read under the present names, a user's is refused with the new name."""

from pathlib import Path

import pytest

from cluster.config.loading import load_config, load_own_config
from cluster.config.run_config import ConfigError

OLD = """
preset = "demo"
[learner]
build_timeout_s = 60.0
update_timeout_s = 7200.0
save_timeout_s = 100.0
[learner.iteration]
optimizer_state = "carry"
steps = 3
[base]
kind = "tiny_llama"
[[problems]]
kind = "reasoning_gym"
dataset = "products"
size = 10
"""


def test_limits_on_duration_of_an_old_run_become_the_default_limits_on_silence(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(OLD)
    learner = load_own_config(file, []).learner
    assert (learner.start_silence_s, learner.silence_s, learner.silence_s_per_gib) == (900.0, 300.0, 30.0)
    assert learner.iteration.optimizer_state == "keep"
    assert learner.keeps_optimizer


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("learner.update_timeout_s=60", r"learner\.update_timeout_s was replaced by learner\.silence_s"),
        ("learner.save_timeout_s=60", r"learner\.save_timeout_s was replaced by learner\.silence_s_per_gib"),
        ("learner.iteration.optimizer_state=carry", r"optimizer_state = 'carry' was replaced by 'keep'"),
    ],
)
def test_a_user_is_told_the_new_name(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("demo", None, [override])
