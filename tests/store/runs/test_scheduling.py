"""Scheduling rules: which problems an iteration attempts."""

from collections import Counter

from store.records import Outcome, Sampling


def test_fewest_attempts_first_reaches_every_problem_before_any_twice(filled):
    seen = []
    for iteration in (1, 2):
        filled.iterations.open(iteration, policy_version=1)
        filled.iterations.schedule(iteration, problems=10, samples=2, sampling=Sampling(), seed=iteration)
        seen.append({a.problem.id for a in filled.assignments.lease("a", 100, 60).assignments})
    assert len(seen[0]) == len(seen[1]) == 10
    assert not seen[0] & seen[1]


def test_the_uniform_rule_draws_by_its_seed(filled):
    drawn = []
    for iteration, seed in ((1, 7), (2, 7), (3, 8)):
        filled.iterations.open(iteration, policy_version=1)
        filled.iterations.schedule(iteration, 8, 1, Sampling(), rule="uniform", seed=seed)
        drawn.append([a.problem.id for a in filled.assignments.lease("a", 100, 60).assignments])
    assert drawn[0] == drawn[1] != drawn[2]


def scheduled(store, iteration, problems, rule, seed=0):
    """The problems that an iteration attempts."""
    store.iterations.open(iteration, policy_version=1)
    store.iterations.schedule(iteration, problems, 1, Sampling(), rule=rule, seed=seed)
    return [a.problem.id for a in store.assignments.lease(f"{rule} {iteration}", 100, 60).assignments]


def solve(store, make, iteration, pass_rates):
    """Ten attempts at each of these problems, of which that many are accepted."""
    store.iterations.open(iteration, policy_version=1)
    store.iterations.schedule(iteration, 20, 10, Sampling())
    for assignment in store.assignments.lease("solver", 1000, 60).assignments:
        accepted = pass_rates.get(assignment.problem.id, 0)
        outcomes = [Outcome.ACCEPTED if i < accepted else Outcome.WRONG for i in assignment.pending]
        store.rollouts.add(make.attempt(assignment, i, outcome) for i, outcome in enumerate(outcomes))


def test_fewest_accepted_first_prefers_unsolved_problems(filled, make):
    solve(filled, make, 1, {f"p{i}": 5 for i in range(15)})
    assert sorted(scheduled(filled, 2, 5, "fewest_accepted_first")) == [f"p{i}" for i in range(15, 20)]


def test_by_difficulty_prefers_problems_that_are_sometimes_solved_but_attempts_all(filled, make):
    solve(filled, make, 1, {f"p{i}": 10 for i in range(5)} | {f"p{i}": 5 for i in range(5, 10)})
    drawn = Counter(name for i in range(2, 42) for name in scheduled(filled, i, 5, "by_difficulty", seed=i))
    per_problem = {
        kind: sum(drawn[f"p{i}"] for i in numbers) / len(numbers)
        for kind, numbers in {"always": range(5), "sometimes": range(5, 10), "never": range(10, 20)}.items()
    }
    assert per_problem["sometimes"] > 2 * max(per_problem["always"], per_problem["never"])
    assert min(drawn[f"p{i}"] for i in range(20)) > 0


def test_a_problem_whose_attempts_never_get_a_verdict_is_attempted_rarely(filled, make):
    filled.iterations.open(1, policy_version=1)
    filled.iterations.schedule(1, 10, 40, Sampling())
    unread = {assignment.problem.id for assignment in filled.assignments.lease("other", 1000, 60).assignments}
    drawn = Counter(name for i in range(2, 32) for name in scheduled(filled, i, 5, "by_difficulty", seed=i))
    assert sum(drawn[name] for name in unread) < sum(drawn.values()) / 4


def test_rollouts_without_a_verdict_make_no_problem_difficult(filled, make):
    solve(filled, make, 1, {f"p{i}": 10 for i in range(20)})
    before = scheduled(filled, 2, 20, "by_difficulty", seed=3)
    filled.iterations.open(3, policy_version=1)
    filled.iterations.schedule(3, 20, 3, Sampling())
    for assignment in filled.assignments.lease("other", 1000, 60).assignments:
        outcomes = (Outcome.FAULT, Outcome.UNDECIDED, Outcome.UNVERIFIABLE)
        filled.rollouts.add(make.attempt(assignment, i, outcomes[i]) for i in assignment.pending)
    assert scheduled(filled, 4, 20, "by_difficulty", seed=3) == before
