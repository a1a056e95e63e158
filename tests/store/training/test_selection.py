from collections import Counter
from dataclasses import replace

import pytest
from sqlalchemy import text

from store.database.connection import transaction
from store.errors import HeldOutLeakError, NothingToScheduleError, UnknownRecordError
from store.records import Outcome, Policy, PolicySpan, Pool, Purpose, Sampling, Split, Support
from store.settings import OVERSAMPLING, SelectionSettings
from store.training.candidates import Candidate, attempts_query, lookup_plan


def attempts(store, make, iteration, problems, samples, outcome=Outcome.ACCEPTED, code=None):
    """One iteration, scheduled and done; the rollouts in the order in which they were written."""
    store.iterations.open(iteration, 1)
    store.iterations.schedule(iteration, problems, samples, Sampling())
    rollouts = [
        make.attempt(a, i, outcome, code) for a in store.assignments.lease("a", 1000, 60).assignments for i in a.pending
    ]
    rollouts.sort(key=lambda rollout: (rollout.assignment_id, rollout.id))
    for rollout in rollouts:
        store.rollouts.add([rollout])
    return rollouts


def selected(store, settings=None):
    return list(store.training_sets.samples(store.training_sets.select(2, settings)))


def test_only_accepted_attempts_are_selected(filled, make):
    attempts(filled, make, 1, problems=3, samples=2)
    attempts(filled, make, 2, problems=3, samples=2, outcome=Outcome.WRONG)
    assert {rollout.outcome for rollout in selected(filled)} == {Outcome.ACCEPTED}
    everything = selected(filled, SelectionSettings(accepted_only=False))
    assert Counter(r.outcome for r in everything) == {Outcome.ACCEPTED: 6, Outcome.WRONG: 6}


@pytest.mark.parametrize("outcome", [Outcome.FAULT, Outcome.UNDECIDED, Outcome.UNVERIFIABLE])
def test_rollouts_without_a_verdict_are_never_selected(filled, make, outcome):
    attempts(filled, make, 1, problems=3, samples=2, outcome=outcome)
    with pytest.raises(NothingToScheduleError, match="no rollout can be trained on"):
        filled.training_sets.select(2, SelectionSettings(accepted_only=False))


def test_the_same_solution_to_a_problem_is_selected_once(filled, make):
    attempts(filled, make, 1, problems=3, samples=4, code="x = 2\nprint(x)")
    assert len(selected(filled, SelectionSettings(max_per_problem=None))) == 3


def test_a_random_preference_depends_on_the_seed_alone(filled, make):
    attempts(filled, make, 1, problems=10, samples=6)
    first, again, other = (
        [r.id for r in selected(filled, SelectionSettings(prefer="random", max_per_problem=2, seed=seed))]
        for seed in (1, 1, 2)
    )
    assert first == again
    assert set(first) != set(other)


def test_a_window_keeps_the_newest_iterations(filled, make):
    attempts(filled, make, 1, problems=2, samples=1)
    newer = attempts(filled, make, 2, problems=2, samples=1)
    assert {r.id for r in selected(filled, SelectionSettings(iterations=1))} == {r.id for r in newer}


def test_max_samples_keeps_the_newest(filled, make):
    written = attempts(filled, make, 1, problems=5, samples=1)
    assert {r.id for r in selected(filled, SelectionSettings(max_samples=2))} == {r.id for r in written[-2:]}


def test_demonstrations_are_repeated_subsampled_or_omitted(filled, make):
    attempts(filled, make, 1, problems=5, samples=2)
    filled.rollouts.add([make.demonstration(str(i), f"p{i}", f"print({i} + 1000)") for i in range(4)])

    def purposes(**settings):
        return Counter(r.purpose for r in selected(filled, SelectionSettings(**settings)))

    assert purposes() == {Purpose.TRAIN: 10, Purpose.DEMONSTRATION: 4}
    assert purposes(demonstration_repeat=3) == {Purpose.TRAIN: 10, Purpose.DEMONSTRATION: 12}
    assert purposes(demonstration_share=0.5) == {Purpose.TRAIN: 10, Purpose.DEMONSTRATION: 10}
    assert purposes(demonstration_share=0.1) == {Purpose.TRAIN: 10, Purpose.DEMONSTRATION: 1}
    assert purposes(demonstrations=False) == {Purpose.TRAIN: 10}


def test_demonstrations_alone_make_the_training_set_of_a_warm_start(filled, make):
    filled.rollouts.add([make.demonstration(str(i), f"p{i}", f"print({i})") for i in range(4)])
    assert len(selected(filled)) == 4


def test_an_attempt_equal_to_a_demonstration_is_omitted(filled, make):
    same = [make.demonstration(str(i), f"p{i}", "y = 1  # one\nprint(y)") for i in range(20)]
    filled.rollouts.add(same)
    attempts(filled, make, 1, problems=3, samples=2, code="x = 1\nprint(x)")
    assert sorted(r.id for r in selected(filled)) == sorted(r.id for r in same)


def test_of_equal_solutions_the_first_is_kept_and_the_rest_are_counted(filled, make):
    written = attempts(filled, make, 1, problems=1, samples=4, code="x = 2\nprint(x)")
    assert [r.id for r in selected(filled)] == [written[0].id]
    with transaction(filled._database.engine, write=False) as session:
        counts = "SELECT judged, accepted, solutions, duplicates FROM problems WHERE judged > 0"
        assert session.execute(text(counts)).one() == (4, 4, 1, 3)


@pytest.mark.parametrize(("rule", "numbers"), [("newest", {8, 9}), ("oldest", {0, 1})])
def test_the_limit_per_problem_follows_the_rule(filled, make, rule, numbers):
    written = attempts(filled, make, 1, problems=2, samples=10)
    got = selected(filled, SelectionSettings(prefer=rule, max_per_problem=2))
    assert {r.id for r in got} == {r.id for r in written if int(r.id.split("-")[1]) in numbers}


def test_a_random_selection_is_full_and_reaches_every_solution_in_time(filled, make):
    written = attempts(filled, make, 1, problems=2, samples=7)
    met = set()
    for seed in range(20):
        got = [r.id for r in selected(filled, SelectionSettings(prefer="random", max_per_problem=5, seed=seed))]
        assert len(got) == len(set(got)) == 10
        met |= set(got)
    assert met == {r.id for r in written}


@pytest.mark.parametrize("rule", ["newest", "oldest", "random"])
def test_rollouts_of_an_old_policy_are_not_selected(filled, make, rule):
    for version in (2, 3):
        filled.policies.add(Policy(version, version - 1, f"policies/{version}"))
    filled.iterations.schedule(1, 20, 6, Sampling())
    leased = filled.assignments.lease("a", 1000, 60).assignments
    for version, samples in ((1, (0, 1, 2)), (2, (3, 4)), (3, (5,))):
        filled.rollouts.add([make.attempt(a, i, version=version) for a in leased for i in samples])
    got = selected(filled, SelectionSettings(policy_versions=2, prefer=rule))
    assert Counter(r.spans[-1].version for r in got) == {2: 40, 3: 20}


@pytest.mark.parametrize("rule", ["newest", "oldest", "random"])
def test_rollouts_that_lag_too_far_behind_are_not_selected(filled, make, rule):
    """The lag is counted in published policies: versions that were never published do not count."""
    for version, parent in ((4, 1), (9, 4)):
        filled.policies.add(Policy(version, parent, f"policies/{version}"))
    filled.iterations.schedule(1, 20, 3, Sampling())
    leased = filled.assignments.lease("a", 1000, 60).assignments
    for sample, version in enumerate((9, 4, 1)):
        filled.rollouts.add([make.attempt(a, sample, version=version) for a in leased])
    for lag, versions in {0: {9: 20}, 1: {9: 20, 4: 20}, 2: {9: 20, 4: 20, 1: 20}, None: {9: 20, 4: 20, 1: 20}}.items():
        got = selected(filled, SelectionSettings(max_policy_lag=lag, prefer=rule))
        assert Counter(r.spans[-1].version for r in got) == versions


def spanning(rollout, *versions):
    """The same rollout, sampled by these policies one after the other."""
    ends = [*range(1, len(versions)), 5]
    starts = [0, *ends[:-1]]
    return replace(rollout, spans=tuple(PolicySpan(*span) for span in zip(versions, starts, ends, strict=True)))


@pytest.mark.parametrize("versions", [(1, 2, 3), (3, 1, 3), (3, 1)])
def test_the_oldest_policy_of_a_rollout_decides_on_its_lag(filled, make, versions):
    for version in (2, 3):
        filled.policies.add(Policy(version, version - 1, f"policies/{version}"))
    filled.iterations.schedule(1, 2, 1, Sampling())
    old, new = filled.assignments.lease("a", 10, 60).assignments
    filled.rollouts.add([spanning(make.attempt(old, 0), *versions), make.attempt(new, 0, version=3)])
    assert [r.id for r in selected(filled, SelectionSettings(max_policy_lag=1))] == [f"{new.id}-0"]
    assert len(selected(filled, SelectionSettings(max_policy_lag=2))) == 2


def test_demonstrations_do_not_lag(filled, make):
    filled.rollouts.add([make.demonstration("a", "p1", "print(1)")])
    filled.policies.add(Policy(2, 1, "policies/2"))
    assert len(selected(filled, SelectionSettings(max_policy_lag=0))) == 1


def test_hard_problems_get_their_share(filled, make):
    hard = {f"p{i}" for i in range(5)}
    filled.iterations.schedule(1, 20, 10, Sampling())
    for a in filled.assignments.lease("a", 1000, 60).assignments:
        accepted = 1 if a.problem.id in hard else 9
        outcomes = [Outcome.ACCEPTED if i < accepted else Outcome.WRONG for i in a.pending]
        filled.rollouts.add(make.attempt(a, i, outcome) for i, outcome in enumerate(outcomes))

    def hard_taken(**settings):
        got = selected(filled, SelectionSettings(max_samples=8, prefer="random", **settings))
        return len(got), sum(r.problem_id in hard for r in got)

    assert hard_taken(hard_share=0.5) == (8, 4)
    assert hard_taken(hard_share=1) == (8, 5)  # there are no more
    with pytest.raises(ValueError, match="hard_share is a share of max_samples or max_tokens: set one of them too"):
        SelectionSettings(hard_share=0.5)


def test_a_token_budget_is_kept_demonstrations_included(filled, make):
    attempts(filled, make, 1, problems=10, samples=4)  # of 8 tokens each
    filled.rollouts.add([make.demonstration(str(i), f"p{i}", f"print({i} + 1000)") for i in range(4)])

    def purposes(**settings):
        return Counter(r.purpose for r in selected(filled, SelectionSettings(**settings)))

    assert purposes(max_tokens=100) == {Purpose.DEMONSTRATION: 4, Purpose.TRAIN: 8}
    assert purposes(max_tokens=160, demonstration_share=0.5) == {Purpose.DEMONSTRATION: 10, Purpose.TRAIN: 10}
    assert purposes(max_tokens=24) == {Purpose.DEMONSTRATION: 3}
    with pytest.raises(NothingToScheduleError, match="within the limits"):
        purposes(max_tokens=7)


def test_the_same_settings_over_the_same_rollouts_select_the_same_in_the_same_order(filled, make):
    attempts(filled, make, 1, problems=10, samples=6)
    settings = SelectionSettings(prefer="random", max_per_problem=3, seed=5)
    assert [r.id for r in selected(filled, settings)] == [r.id for r in selected(filled, settings)]


def test_attempts_of_an_evaluation_are_never_selected(filled, make):
    attempts(filled, make, 1, problems=2, samples=1)
    filled.evaluations.schedule(1, "train", sampling=Sampling(0.0), split=Split.TRAIN)
    filled.rollouts.add(make.attempt(a, 0) for a in filled.assignments.lease("a", 1000, 60).assignments)
    assert len(selected(filled)) == 2


def test_held_out_problems_are_never_selected(filled, make):
    written = attempts(filled, make, 1, problems=20, samples=1)
    with transaction(filled._database.engine, write=True) as session:  # what no call of the store can do
        session.execute(text("UPDATE problems SET split = 'heldout' WHERE id <> 'p7'"))
    assert {r.id for r in selected(filled)} == {r.id for r in written if r.problem_id == "p7"}


def test_a_held_out_problem_that_slips_through_the_query_stops_the_selection(filled, make, monkeypatch):
    attempts(filled, make, 1, problems=20, samples=1)
    with transaction(filled._database.engine, write=True) as session:
        leak, problem_id = session.execute(text("SELECT seq, problem_id FROM rollouts LIMIT 1")).one()
        session.execute(text("UPDATE problems SET split = 'heldout'"))
    monkeypatch.setattr(
        "store.training.selection.find_attempts", lambda *_: [Candidate(leak, problem_id, 1, hard=False)]
    )
    with pytest.raises(HeldOutLeakError, match="is held out and was selected for training"):
        filled.training_sets.select(2)
    with pytest.raises(UnknownRecordError):
        filled.training_sets.size(1)


def test_ranks_share_the_samples_without_overlap(filled, make):
    attempts(filled, make, 1, problems=20, samples=3)
    training_set = filled.training_sets.select(2)
    everything = [r.id for r in filled.training_sets.samples(training_set)]
    ranks = [[r.id for r in filled.training_sets.samples(training_set, rank, 2)] for rank in range(2)]
    assert len(everything) == filled.training_sets.size(training_set) == 60
    assert [everything[0::2], everything[1::2]] == ranks


def test_a_policy_is_traced_to_what_it_was_trained_on(filled, make):
    written = attempts(filled, make, 1, problems=3, samples=2)
    training_set = filled.training_sets.select(2, SelectionSettings(demonstration_repeat=2))
    filled.policies.add(Policy(2, 1, "policies/2", training_set_id=training_set))
    attempts(filled, make, 2, problems=3, samples=2)  # what came later is not in it
    assert filled.training_sets.trained_on(2) == sorted(r.id for r in written)
    assert filled.training_sets.trained_on(1) == []
    assert filled.training_sets.policies_trained_on(written[0].id) == [2]
    assert filled.training_sets.policies_trained_on("unknown") == []


@pytest.mark.parametrize("rule", ["newest", "random", "value"])
def test_the_plan_looks_places_up_and_reads_no_other_rollouts(filled, make, rule):
    attempts(filled, make, 1, problems=20, samples=6)
    explain = "EXPLAIN" if filled._database.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    with transaction(filled._database.engine, write=False) as session, lookup_plan(session):
        query = attempts_query(session, Pool.SOLUTION, SelectionSettings(prefer=rule))
        compiled = query.compile(session.connection(), compile_kwargs={"render_postcompile": True})
        plan = session.connection().exec_driver_sql(f"{explain} {compiled}", _parameters(compiled)).all()
    steps = [str(row[-1]) for row in plan]
    assert any("ix_rollouts_pools" in step and "rollouts" in step for step in steps)
    if filled._database.engine.dialect.name == "sqlite":  # PostgreSQL filters by place where a pool is this small
        assert any("SEARCH rollouts" in step and "place" in step for step in steps)
    assert not any("SCAN rollouts" in step or "Seq Scan on rollouts" in step for step in steps)


def _parameters(compiled):
    values = compiled.construct_params()
    processors = compiled._bind_processors
    values = {name: processors[name](value) if name in processors else value for name, value in values.items()}
    return tuple(values[name] for name in compiled.positiontup) if compiled.positional else values


def judged(store, make, supports, problems=2):
    """One iteration in which each problem's solutions have these verdicts, in the order of writing."""
    store.iterations.schedule(1, problems, len(supports), Sampling())
    for assignment in store.assignments.lease("a", 1000, 60).assignments:
        for sample, support in enumerate(supports):
            store.rollouts.add([replace(make.attempt(assignment, sample), support=support)])


YES, NO, BARE = Support.SUPPORTED, Support.UNSUPPORTED, Support.NO_CODE


@pytest.mark.parametrize("prefer", ["newest", "oldest", "random"])
@pytest.mark.parametrize(("support", "kept"), [("any", 6), ("supported", 2), ("not_unsupported", 4)])
def test_solutions_are_filtered_by_support(filled, make, prefer, support, kept):
    judged(filled, make, [YES, NO, YES, BARE, None, NO])
    found = selected(filled, SelectionSettings(prefer=prefer, support=support, max_per_problem=6))
    assert sorted(Counter(rollout.problem_id for rollout in found).values()) == [kept, kept]


def test_other_solutions_take_the_places_of_unsupported_ones(filled, make):
    judged(filled, make, [YES, YES, YES, NO, NO, NO])
    newest = selected(filled, SelectionSettings(support="supported", max_per_problem=2))
    assert sorted(rollout.id for rollout in newest) == ["1-1", "1-2", "2-1", "2-2"]
    oldest = selected(filled, SelectionSettings(support="supported", prefer="oldest", max_per_problem=2))
    assert sorted(rollout.id for rollout in oldest) == ["1-0", "1-1", "2-0", "2-1"]


def test_a_limited_number_of_places_is_looked_up(filled, make):
    judged(filled, make, [YES, *[NO] * OVERSAMPLING, YES, *[NO] * (OVERSAMPLING - 1)], problems=1)
    found = selected(filled, SelectionSettings(support="supported", max_per_problem=1))
    assert [rollout.id for rollout in found] == [f"1-{OVERSAMPLING + 1}"]


def test_mistakes_and_demonstrations_are_not_filtered_by_support(filled, make):
    attempts(filled, make, 1, problems=2, samples=2, outcome=Outcome.WRONG)
    found = selected(filled, SelectionSettings(support="supported", accepted_only=False))
    assert Counter(rollout.outcome for rollout in found) == {Outcome.WRONG: 4}


def by_value(problem_limit=2, version=1, **settings):
    return SelectionSettings(prefer="value", value_model=version, max_per_problem=problem_limit, **settings)


def test_the_solutions_with_the_highest_values_are_selected(filled, make):
    first, *_ = attempts(filled, make, 1, problems=2, samples=4)
    seqs = filled.values.contenders(by_value())
    assert len(seqs) == 8
    filled.values.add_scores(1, [(seq, 0.1 * n) for n, seq in enumerate(sorted(seqs), start=1)])
    filled.values.add_scores(2, [(min(seqs), 0.9)])
    assert filled.values.contenders(by_value()) == []
    ids = sorted(rollout.id for rollout in selected(filled, by_value()))
    assert ids == ["1-2", "1-3", "2-2", "2-3"]
    by_another = [rollout.id for rollout in selected(filled, by_value(1, version=2))]
    assert sorted(by_another) == [first.id, "2-3"], "without a score the newest"


def test_of_equal_values_the_newest_are_selected(filled, make):
    attempts(filled, make, 1, problems=1, samples=4)
    filled.values.add_scores(1, [(seq, 0.5) for seq in filled.values.contenders(by_value())])
    assert sorted(rollout.id for rollout in selected(filled, by_value())) == ["1-2", "1-3"]


def test_only_the_newest_solutions_are_looked_at_by_value(filled, make):
    attempts(filled, make, 1, problems=1, samples=OVERSAMPLING + 2)
    assert len(filled.values.contenders(by_value(1))) == OVERSAMPLING


def test_a_problem_with_no_more_solutions_than_are_wanted_needs_no_values(filled, make):
    attempts(filled, make, 1, problems=1, samples=2)
    attempts(filled, make, 2, problems=1, samples=4, outcome=Outcome.WRONG)
    assert filled.values.contenders(by_value(2)) == []
    assert len(filled.values.contenders(by_value(2, accepted_only=False))) == 4
    assert len(selected(filled, by_value(2))) == 2


def test_the_attempts_to_be_scored_are_whole_sequences(filled, make):
    written = attempts(filled, make, 1, problems=1, samples=3)
    found = filled.values.unscored_of(1, filled.values.contenders(by_value(1)))
    assert [attempt.ids for attempt in found] == [one.prompt_ids + one.token_ids for one in written]


def test_a_limit_of_the_whole_set_takes_no_problem_out_because_it_needs_no_values(filled, make):
    attempts(filled, make, 1, problems=1, samples=4)
    newer = attempts(filled, make, 2, problems=2, samples=1)
    scores = dict.fromkeys(filled.values.contenders(by_value(1)), 0.9)
    filled.values.add_scores(1, list(scores.items()))
    found = selected(filled, by_value(1, max_samples=2, demonstrations=False))
    assert len({rollout.problem_id for rollout in found}) == 2
    assert {rollout.id for rollout in found} & {rollout.id for rollout in newer}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"prefer": "value", "max_per_problem": None}, "set max_per_problem too"),
        ({"value_model": 2}, 'value_model is for prefer = "value"'),
    ],
)
def test_settings_by_value_that_make_no_sense_are_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        SelectionSettings(**settings)
