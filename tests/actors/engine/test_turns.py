"""The parameters of turns: as vLLM would check them, and none that another turn set."""

from actors.engine.turns import TurnParams, TurnRules
from store.records import Sampling

RULES = TurnRules("```\n", logprobs=True, end_on_repetition=True)


def test_turns_have_their_own_limits_and_seeds() -> None:
    params = TurnParams(RULES)
    seeded = params.make(Sampling(0.8, 0.9, seed=5), 20, streamed=False)
    later = params.make(Sampling(0.8, 0.9), 30, streamed=False)
    assert (seeded.max_tokens, seeded.seed) == (20, 5)
    assert (later.max_tokens, later.seed) == (30, None)


def test_the_parameters_pass_the_checks_of_vllm_unchanged() -> None:
    params = TurnParams(RULES).make(Sampling(0.8, 0.9, seed=5), 20, streamed=True)
    checked = params.clone()
    checked.__post_init__()
    assert checked == params


def test_greedy_turns_keep_no_logprobs() -> None:
    params = TurnParams(RULES)
    assert params.make(Sampling(0.0), 20, streamed=False).logprobs is None
    assert params.make(Sampling(0.8), 20, streamed=False).logprobs == 0


def test_engines_share_no_parameters() -> None:
    one, other = (TurnParams(RULES).make(Sampling(), 20, streamed=False) for _ in range(2))
    one._all_stop_token_ids.add(7)
    assert 7 not in other._all_stop_token_ids
