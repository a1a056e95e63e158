"""Pages of rollouts: every match once, newest first, whatever is filtered by and however little time there is."""

from dataclasses import replace
from itertools import combinations

import pytest
from sqlalchemy import update

from store.database.tables import RolloutRow
from store.errors import StoreDamagedError, UnknownRecordError
from store.records import (
    FaultKind,
    Outcome,
    Policy,
    Purpose,
    RolloutFilter,
    RolloutSummary,
    Sampling,
    Segment,
    SegmentKind,
    Split,
)
from store.rollouts.browsing import pages, text_search
from store.settings import RetentionSettings
from store.store import Store

OUTCOMES = (Outcome.ACCEPTED, Outcome.WRONG, Outcome.NO_ANSWER)


@pytest.fixture
def browsed(filled, make) -> Store:
    """Forty training rollouts of two policies in two iterations, ten of an evaluation, and a demonstration."""
    filled.policies.add(Policy(2, 1, "policies/2", iteration=1))
    filled.iterations.open(2, policy_version=2)
    for iteration in (1, 2):
        filled.iterations.schedule(iteration, problems=10, samples=2, sampling=Sampling())
    filled.evaluations.schedule(2, "heldout", sampling=Sampling(0.0))
    for version in (1, 2):
        leased = filled.assignments.lease("me", 100, 60, held=version, pinned=version).assignments
        pending = [(assignment, sample) for assignment in leased for sample in assignment.pending]
        filled.rollouts.add(
            [make.attempt(*one, OUTCOMES[number % 3], version=version) for number, one in enumerate(pending)]
        )
    filled.rollouts.add([make.demonstration("d", "p3", "print(3)")])
    return filled


@pytest.fixture
def narrow(monkeypatch) -> None:
    """Searches that look at two rollouts at a time."""
    monkeypatch.setattr(pages, "_WIDTH", 2)
    monkeypatch.setattr(pages, "_TEXT_WIDTH", 2)


def everything(store: Store) -> list[RolloutSummary]:
    """All rollouts, newest first, by their ids."""
    return [store.rollouts.summary(one.id) for one in store.rollouts.iterate(newest_first=True)]


def walk(store: Store, wanted: RolloutFilter, limit: int, budget_s: float = 60.0) -> list[str]:
    """The ids on all pages, from the newest to the oldest."""
    found, place = [], None
    for _ in range(200):
        page = store.rollouts.page(wanted, limit, older_than=place, budget_s=budget_s)
        found += [one.id for one in page.rollouts]
        if page.older is None:
            return found
        assert place is None or page.older < place
        place = page.older
    raise AssertionError("the pages do not end")


FILTERS = {
    "problem_id": "p3",
    "source": "test",
    "split": Split.TRAIN,
    "purpose": Purpose.TRAIN,
    "outcome": Outcome.WRONG,
    "policy_version": 2,
    "iteration": 2,
    "text": "PRINT(",
}


def test_each_filter_and_each_pair_finds_what_meets_its_conditions(browsed):
    stored = everything(browsed)
    for names in ((), *combinations(FILTERS, 1), *combinations(FILTERS, 2)):
        wanted = RolloutFilter(**{name: FILTERS[name] for name in names})
        conditions = {name: FILTERS[name] for name in names if name != "text"}  # which all rollouts have
        expected = [one.id for one in stored if all(getattr(one, name) == value for name, value in conditions.items())]
        assert walk(browsed, wanted, limit=7) == expected, names
        if wanted.text is None:
            count = browsed.rollouts.count(wanted, budget_s=60)
            assert (count.number, count.is_exact) == (len(expected), True), names


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("wanted", [RolloutFilter(outcome=Outcome.WRONG), RolloutFilter(text="print")])
def test_searches_that_run_out_of_time_are_continued_and_miss_nothing(browsed, wanted):
    assert walk(browsed, wanted, limit=4, budget_s=0) == walk(browsed, wanted, limit=100)


@pytest.mark.usefixtures("narrow")
def test_a_search_that_ran_out_of_time_says_how_far_it_came(browsed, clock):
    page = browsed.rollouts.page(RolloutFilter(outcome=Outcome.FAULT), 5, budget_s=0)
    assert page.rollouts == ()
    assert page.searched_to == clock.now_s
    assert page.older is not None


@pytest.mark.usefixtures("narrow")
def test_a_count_that_ran_out_of_time_is_a_lower_bound(browsed):
    count = browsed.rollouts.count(RolloutFilter(), budget_s=0)
    assert (count.number, count.is_exact) == (2, False)


def test_pages_lead_back_the_way_they_came(browsed):
    first = browsed.rollouts.page(RolloutFilter(), 10)
    second = browsed.rollouts.page(RolloutFilter(), 10, older_than=first.older)
    third = browsed.rollouts.page(RolloutFilter(), 10, older_than=second.older)
    assert first.newer is None
    assert browsed.rollouts.page(RolloutFilter(), 10, newer_than=third.newer).rollouts == second.rollouts


def test_the_way_to_newer_rollouts_ends_at_the_newest_page_in_full(browsed):
    newest = browsed.rollouts.page(RolloutFilter(), 10)
    place = newest.rollouts[3].seq
    page = browsed.rollouts.page(RolloutFilter(), 10, newer_than=place)
    assert page == newest


def test_places_of_pruned_rollouts_are_passed(browsed):
    kept = everything(browsed)
    browsed.rollouts.prune(RetentionSettings(keep=0))
    left = {one.id for one in everything(browsed)}
    assert left < {one.id for one in kept}
    assert walk(browsed, RolloutFilter(), limit=3) == [one.id for one in kept if one.id in left]


def test_a_text_is_found_as_it_is_read(filled, make):
    filled.iterations.schedule(1, problems=1, samples=2, sampling=Sampling())
    (assignment,) = filled.assignments.lease("me", 2, 60).assignments
    prose = 'die STRASSE, un été, they SAY "Hi", A\\B, two words, 100%, half of \ud83d'
    segments = (Segment(SegmentKind.CODE, "x = 1"), Segment(SegmentKind.TEXT, prose))
    filled.rollouts.add(
        [replace(make.attempt(assignment, 0), segments=segments), make.attempt(assignment, 1, code="y = 2")]
    )
    for text in ("straße", "ÉTÉ", 'say "hi"', "a\\b", "two words", "100%", "X = 1"):
        found = [one.id for one in filled.rollouts.page(RolloutFilter(text=text), 5).rollouts]
        assert found == [f"{assignment.id}-0"], text
    # The names of kinds of segments, and what separates them, are not text.
    for text in ("code", '","', "words 100"):
        assert filled.rollouts.page(RolloutFilter(text=text), 5).rollouts == (), text


def test_a_text_is_found_in_the_question(browsed):
    found = browsed.rollouts.page(RolloutFilter(text="what is 3 +"), 50).rollouts
    assert {one.problem_id for one in found} == {"p3"}


def test_a_summary_has_what_a_list_shows(filled, make, clock):
    filled.iterations.schedule(1, problems=1, samples=1, sampling=Sampling())
    (assignment,) = filled.assignments.lease("me", 1, 60).assignments
    attempt = make.attempt(assignment, 0, Outcome.FAULT, answer="x" * 1000)
    filled.rollouts.add([replace(attempt, fault=FaultKind.SANDBOX)])
    (one,) = filled.rollouts.page(RolloutFilter(), 5).rollouts
    problem = assignment.problem
    assert one == replace(
        filled.rollouts.summary(attempt.id),
        question=problem.question,
        source=problem.source,
        split=problem.split,
        fault=FaultKind.SANDBOX,
        iteration=1,
        policy_version=1,
        answer="x" * 200,
        tokens=5,
        seconds=1.5,
        written_at=clock.now_s,
    )


def test_a_rollout_that_is_not_there_is_named(filled):
    with pytest.raises(UnknownRecordError, match="no rollout '1-0'"):
        filled.rollouts.summary("1-0")


def test_an_empty_store_has_an_empty_page(filled):
    page = filled.rollouts.page(RolloutFilter(), 5)
    assert (page.rollouts, page.older, page.newer, page.searched_to) == ((), None, None, None)
    assert filled.rollouts.count(RolloutFilter()).number == 0


def test_a_search_names_a_rollout_whose_bytes_are_damaged(browsed):
    with browsed._database.write() as session:
        session.execute(update(RolloutRow).where(RolloutRow.seq == 7).values(segments=b"damaged"))
    with pytest.raises(StoreDamagedError, match=r"rollout \S+: its stored bytes are corrupted"):
        browsed.rollouts.page(RolloutFilter(text="nothing has this"), 5, budget_s=60)


def test_sources_of_problems_are_known_from_a_sample(filled, make):
    filled.problems.add([replace(make.problem(99), source="another")])
    assert filled.problems.some_sources() == ["another", "test"]


def test_a_search_for_a_text_ends_within_a_window_that_has_much_to_read(browsed, monkeypatch):
    monkeypatch.setattr(text_search, "BATCH", 3)
    wanted = RolloutFilter(text="print")
    page = browsed.rollouts.page(wanted, 50, budget_s=0)
    assert len(page.rollouts) == 3
    assert page.older == page.rollouts[-1].seq
    assert walk(browsed, wanted, limit=50, budget_s=0) == walk(browsed, wanted, limit=50)
