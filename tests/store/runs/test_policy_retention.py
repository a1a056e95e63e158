import pytest

from store.errors import PolicyPrunedError
from store.records import Decision, Policy, Sampling
from store.runs.figures import Figure, Measured
from store.runs.samplers import SamplerState
from store.settings import PolicyRetentionSettings

GREEDY = Sampling(temperature=0.0)
LAST = PolicyRetentionSettings(keep_last=1, keep_promoted=1)


@pytest.fixture
def published(store, make):
    """A base and eight policies after it, all decided on and none measured; the fifth is served."""
    store.problems.add([make.problem(0), make.problem(1)])
    for version in range(9):
        store.policies.add(
            Policy(version, version - 1 if version else None, f"v{version}", decision=Decision.NOT_PROMOTED)
        )
    for version in (1, 2, 5):
        store.policies.promote(version)
    return store


def kept(store, settings=LAST):
    return dict(sorted(store.policies.kept(settings, "heldout").items()))


def test_the_base_the_served_and_the_latest_policy_are_kept(published):
    assert kept(published) == {0: ["base"], 5: ["served"], 8: ["latest"]}
    assert published.policies.prune(LAST, "heldout") == [1, 2, 3, 4, 6, 7]
    assert [policy.version for policy in published.policies.all() if not policy.is_pruned] == [0, 5, 8]
    assert published.policies.prune(LAST, "heldout") == []


def test_more_are_kept_if_the_settings_say_so(published):
    settings = PolicyRetentionSettings(keep_last=3, keep_promoted=2)
    assert kept(published, settings) == {
        0: ["base"], 2: ["promoted before"], 5: ["served"], 6: ["latest"], 7: ["latest"], 8: ["latest"]
    }  # fmt: skip


def test_the_best_policy_is_kept_by_its_latest_evaluation(published, make):
    for version, first, later in ((3, 0.9, 0.4), (4, 0.5, 0.6)):
        for problems, value in (([0], first), ([0, 1], later)):
            ids = [f"p{number}" for number in problems]
            evaluation = published.evaluations.schedule(version, "heldout", sampling=GREEDY, problem_ids=ids)
            for assignment in published.assignments.lease("a", 9, 60, held=version, pinned=version).assignments:
                published.rollouts.add([make.attempt(assignment, 0, version=version)])
            published.evaluations.finish(evaluation, Measured({"pass@1": Figure(value, len(ids))}))
    assert kept(published)[4] == ["best"]
    assert 3 not in kept(published)


def test_a_policy_whose_evaluation_has_all_attempts_is_in_use_no_more(published, make):
    published.evaluations.schedule(4, "heldout", sampling=GREEDY, problem_ids=["p0"])
    assert kept(published)[4] == ["evaluation"]
    (assignment,) = published.assignments.lease("a", 1, 60, held=4, pinned=4).assignments
    published.rollouts.add([make.attempt(assignment, 0, version=4)])
    assert 4 not in kept(published)


def test_policies_in_use_are_kept(published, clock):
    published.samplers.register("here", "host")
    published.samplers.report("here", SamplerState.SAMPLING, 3, progressed=True)
    published.samplers.register("ended", "host")
    published.samplers.report("ended", SamplerState.ENDED, 6, progressed=True)
    published.evaluations.schedule(4, "heldout", sampling=GREEDY, problem_ids=["p0"])
    published.iterations.open(1, 7)
    assert kept(published) == {
        0: ["base"], 3: ["sampling"], 4: ["evaluation"], 5: ["served"], 7: ["iteration"], 8: ["latest"]
    }  # fmt: skip
    clock.now_s += 4000
    assert 3 not in kept(published)


def test_a_policy_without_a_decision_is_kept(published):
    published.policies.add(Policy(9, 8, "v9"))
    published.policies.add(Policy(10, 9, "v10", decision=Decision.NOT_PROMOTED))
    assert kept(published)[9] == ["undecided"]


def test_a_pruned_policy_cannot_be_promoted(published):
    published.policies.prune(LAST, "heldout")
    with pytest.raises(PolicyPrunedError, match="policy 3 was pruned"):
        published.policies.promote(3)
    assert published.policies.promoted().version == 5
