"""What an attempt at a problem is worth, from the counters of problems."""

import random
from collections import Counter
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from store.database.connection import transaction
from store.records import Policy, Problem, Sampling, Split
from store.runs.scheduling.worth import ENOUGH_FOR_A_VERDICT, HALF_LIFE, Worth, find_best, find_worth
from store.store import Store


def count(store: Store, problem_id: str, **counters: int) -> None:
    """Set counters of a problem as writers of rollouts would; `judged` attempts of 100 tokens were scheduled."""
    judged = counters.get("judged", 0)
    counters = {"attempts": judged, "judged_tokens": 100 * judged, "last_iteration": 1} | counters
    values = ", ".join(f"{name} = :{name}" for name in counters)
    with transaction(store._database.engine, write=True) as session:
        session.execute(text(f"UPDATE problems SET {values} WHERE id = :id"), {"id": problem_id} | counters)


def worth(store: Store, problem_id: str, iteration: int = 2) -> Worth:
    with transaction(store._database.engine, write=False) as session:
        found = find_worth(session, iteration, problem_id)
    assert found is not None
    return found


def weights(store: Store, *problem_ids: str, iteration: int = 2) -> list[float]:
    return [worth(store, problem_id, iteration).weight for problem_id in problem_ids]


@pytest.fixture
def sources(store: Store) -> Store:
    """Ten problems of each of three sources: good-0 to good-9, bad-0 to bad-9, new-0 to new-9."""
    names = [f"{source}-{number}" for source in ("good", "bad", "new") for number in range(10)]
    store.problems.add(
        Problem(name, f"What is {name}?", "1", name.split("-")[0], Split.TRAIN, name, template_twins="train")
        for name in names
    )
    store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
    return store


def test_before_anything_is_known_half_of_the_attempts_are_expected_to_succeed(sources):
    assert worth(sources, "new-0").pass_rate == 0.5
    assert len({*weights(sources, "new-0", "good-1", "bad-2")}) == 1


def test_a_problem_always_solved_in_one_way_and_a_hopeless_one_are_worth_less_than_a_fitting_one(sources):
    count(sources, "good-0", judged=8, accepted=8, solutions=1, duplicates=7)
    count(sources, "good-1", judged=8, accepted=0)
    count(sources, "good-2", judged=8, accepted=3, solutions=1, duplicates=2)
    solved, hopeless, known, untried = weights(sources, "good-0", "good-1", "good-2", "good-3")
    assert untried > known
    assert max(solved, hopeless) < untried / 2


def test_fitting_problems_come_first_most_often_and_others_now_and_then(sources):
    for number in range(5):
        count(sources, f"good-{number}", judged=10, accepted=10, solutions=1, duplicates=9)
        count(sources, f"good-{number + 5}", judged=10)
        count(sources, f"bad-{number}", judged=4, accepted=2, solutions=2)
    first: Counter[str] = Counter()
    with transaction(sources._database.engine, write=False) as session:
        for seed in range(1000):
            first.update(one.problem_id for one in find_best(session, 2, seed, 3))
    solved, hopeless, fitting = (
        sum(first[f"{source}-{number}"] for number in numbers)
        for source, numbers in (("good", range(5)), ("good", range(5, 10)), ("bad", range(5)))
    )
    assert fitting > 3 * max(solved, hopeless)
    assert min(solved, hopeless) > 0


def test_each_further_solution_of_a_problem_is_worth_less(sources):
    count(sources, "good-1", judged=8, accepted=4, solutions=2, duplicates=2)
    count(sources, "good-2", judged=40, accepted=20, solutions=10, duplicates=10)
    untried, few, many = weights(sources, "good-0", "good-1", "good-2")
    assert untried > few > many


def test_a_demonstrated_problem_counts_as_solved(sources):
    count(sources, "good-0", demonstrations=1)
    assert worth(sources, "good-0").known == 1
    assert weights(sources, "good-0") < weights(sources, "good-1")


def test_untried_problems_are_estimated_by_their_source(sources):
    for number in range(5):
        count(sources, f"good-{number}", judged=4, accepted=3, solutions=1)
        count(sources, f"bad-{number}", judged=4)
    good, bad, new = (worth(sources, name).pass_rate for name in ("good-9", "bad-9", "new-9"))
    assert good > new > bad
    assert bad < 0.2


def test_the_levels_of_a_source_are_told_apart(store):
    levels = {"easy": 4, "hard": 0}
    store.problems.add(
        Problem(f"{level}-{n}", f"What is {level} {n}?", "1", "s", Split.TRAIN, f"{level}{n}", level=level)
        for level in (*levels, "odd")
        for n in range(6)
    )
    for level, accepted in levels.items():
        for number in range(5):
            count(store, f"{level}-{number}", judged=4, accepted=accepted, solutions=int(accepted > 0))
    easy, hard, odd = (worth(store, f"{level}-5").pass_rate for level in (*levels, "odd"))
    assert hard < 0.25 < 0.4 < odd < 0.6 < 0.75 < easy


def test_failures_are_forgotten_slowly(sources):
    count(sources, "good-0", judged=24)
    found = [worth(sources, "good-0", iteration) for iteration in (1, 1 + HALF_LIFE, 1 + 3 * HALF_LIFE, 100)]
    assert [one.evidence for one in found[:3]] == [24, 12, 6]
    rates = [one.pass_rate for one in found]
    assert rates == sorted(rates)
    assert rates[0] < 0.05 < rates[-1]


def test_what_was_known_before_counts_less_when_a_problem_is_scheduled_again(sources):
    count(sources, "good-0", judged=12, accepted=12, solutions=1)
    for iteration in (1 + HALF_LIFE, 1 + 2 * HALF_LIFE):
        sources.iterations.open(iteration, policy_version=1)
        sources.iterations.schedule(iteration, 30, 1, Sampling())
    assert worth(sources, "good-0", 1 + 2 * HALF_LIFE).evidence == 3
    count(sources, "good-0", judged=20, last_iteration=1 + 2 * HALF_LIFE)
    found = worth(sources, "good-0", 1 + 2 * HALF_LIFE)
    assert found.evidence == 11  # eight fresh failures, and three of twelve successes
    assert 0.25 < found.pass_rate < 0.35


def test_long_attempts_are_worth_less(sources):
    count(sources, "good-0", judged=8, accepted=4, solutions=1, judged_tokens=800)
    count(sources, "good-1", judged=8, accepted=4, solutions=1, judged_tokens=8000)
    short, long = (worth(sources, name) for name in ("good-0", "good-1"))
    assert short.tokens < 1 < long.tokens
    assert short.weight > 2 * long.weight


def test_attempts_that_are_under_way_lower_the_weight(sources):
    before = worth(sources, "good-0")
    sources.iterations.open(1, policy_version=1)
    sources.iterations.schedule(1, 30, 4, Sampling())
    after = worth(sources, "good-0")
    assert (before.pending, after.pending) == (0, 4)
    assert after.weight < before.weight


def test_a_problem_without_verdicts_is_worth_least(sources):
    count(sources, "good-0", attempts=ENOUGH_FOR_A_VERDICT)
    assert weights(sources, "good-0")[0] < weights(sources, "good-1")[0] / 2


def test_a_held_out_problem_is_worth_nothing(filled):
    with transaction(filled._database.engine, write=False) as session:
        assert find_worth(session, 1, "p25") is None


def test_a_corrected_label_leaves_rates_between_0_and_1(sources):
    count(sources, "good-0", judged=8, accepted=8, stale_judged=7_000, stale_accepted=0)
    count(sources, "good-1", judged=8, accepted=0, stale_judged=0, stale_accepted=7_000)
    assert 0 < worth(sources, "good-1").pass_rate < worth(sources, "good-0").pass_rate < 1


def test_both_databases_choose_the_same(tmp_path, postgresql_url):
    chosen = []
    for url in (f"sqlite:///{tmp_path}/store.db", postgresql_url):
        with ExitStack() as stack:
            chosen.append(fill_and_choose(stack.enter_context(Store.open(url))))
    assert chosen[0] == chosen[1]
    assert len(chosen[0]) == 200


def fill_and_choose(store: Store) -> list[Worth]:
    """The best 200 of 500 problems, with counters at random."""
    rng = random.Random(5)
    store.problems.add(
        Problem(f"q{n}", f"question {n}", "1", f"s{n % 7}", Split.TRAIN, f"q{n}", level=f"{n % 3}" if n % 2 else None)
        for n in range(500)
    )
    for number in rng.sample(range(500), 400):
        judged = rng.randint(1, 40)
        accepted = rng.randint(0, judged)
        count(
            store, f"q{number}", judged=judged, accepted=accepted, solutions=rng.randint(accepted > 0, accepted),
            judged_tokens=judged * rng.randint(50, 900), last_iteration=rng.randint(1, 9), demonstrations=number % 2,
            stale_judged=rng.randint(0, judged * 500), stale_accepted=rng.randint(0, accepted * 500),
        )  # fmt: skip
    with transaction(store._database.engine, write=False) as session:
        return find_best(session, 9, 3, 200)
