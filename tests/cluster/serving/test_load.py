"""Many clients at once, beside swaps and clients that misbehave: every answer is whole and of a known origin."""

from cluster.config.run_folder import RunFolder

from .load import Tally, load, swap
from .server import FIRST, SECOND, health, wait_until

ACCEPTABLE = {
    "garbage": {"400"},
    "huge body": {"413", "WriteError", "ReadError"},  # it may be refused before it was sent
    "hang up": {"left half-way", "left at once"},
    "slow reader": {"200"},
}
SWAPS, ANSWERS = 2, 40


async def test_no_request_fails_while_policies_are_swapped_and_clients_misbehave(url: str, run: RunFolder) -> None:
    served = health(url)["policy_version"]
    tally = Tally({1: FIRST, 2: SECOND}, promoted=[served])

    def is_over() -> bool:
        done = {trouble for trouble, _ in tally.troubles} == set(ACCEPTABLE)
        return done and len(tally.promoted) > SWAPS and len(tally.answers) >= ANSWERS

    await load(url, tally, clients=4, is_over=is_over, run=run, swap_every_s=1.0)

    assert tally.failed == []
    assert tally.by_origin()["other"] == 0, tally.others()
    assert {answer.versions[-1] for answer in tally.answers} == {1, 2}
    for trouble, outcome in tally.troubles:
        assert outcome in ACCEPTABLE[trouble], tally.troubles
    wait_until(lambda: health(url)["in_flight"] == 0, 20.0, "rollouts of clients that hung up end")
    await swap(run, url, served)
