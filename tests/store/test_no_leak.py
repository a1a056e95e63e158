"""No leak: no training set has a held-out question, its copy, its rephrasing, or what was made of the same question,
whatever is imported, derived, reviewed and confirmed in which order.
"""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from store.errors import NothingToScheduleError
from store.labels.audit import Proposal
from store.problems.similarity import NEAR, TWIN, shingles, similarity, template_shingles
from store.problems.sources.rows.splitting import question_key
from store.records import Outcome, Policy, Problem, ReviewStatus, Sampling, Split
from store.settings import SelectionSettings
from store.store import Store

ORIGINALS = (
    "A farmer has 21 round hay bales and sells a third of them to his neighbour. How many are left in the barn?",
    "Maria buys 12 packs of 6 pens at the market and gives 5 pens to Tom. How many pens does Maria have now?",
    "Find the area of the largest square that fits into a circle whose radius is 4 times as long as 3 metres.",
    "Two trains leave the harbour at noon and meet again 90 kilometres down the line: how fast was the slower one?",
)
NEAR_COPIES = tuple(one.replace("How many", "How many of them").replace("Find", "Find out") for one in ORIGINALS[:3])
TWINS = tuple(one.replace("21", "48").replace("12", "31").replace(" 4 ", " 9 ") for one in ORIGINALS[:3])
REWORDED = (  # as a teacher would write them: no measure of similarity connects them with anything
    "Every third of twenty-one bales goes next door. Count what stays.",
    "If x bales lose a third, fourteen stay behind. What is the value of x?",
    "Six pens to a pack, a dozen packs, five given away: state what remains.",
    "Give the greatest possible extent of a quadratic plate inside a round table, twelve metres from rim to middle.",
    "Ninety kilometres from the port, the faster locomotive greets the slower: determine the speed of the latter.",
)
TEXTS = ORIGINALS + NEAR_COPIES + TWINS + REWORDED
POLICY, VALUE = SelectionSettings(), SelectionSettings(accepted_only=False, demonstrations=False)


class History:
    """A store, and beside it what was held out and what was made of what."""

    def __init__(self, store: Store, make: type) -> None:
        self.store = store
        self._make = make
        self._seen: set[str] = set()
        self._heldout: set[str] = set()
        self._made_of: set[tuple[str, str]] = set()
        self._trainings = 0
        store.policies.add(Policy(1, None, "policies/1"))
        store.iterations.open(1, policy_version=1)

    def import_originals(self, chosen: set[str], split: Split) -> None:
        self.store.problems.import_new([problem(one, split) for one in sorted(chosen)])
        self._seen |= chosen
        if split is Split.HELDOUT:
            self._heldout |= chosen

    def import_derived(self, pairs: list[tuple[str, str]], split: Split) -> None:
        self.store.problems.import_new([problem(child, split, parent) for parent, child in pairs])
        made = {(parent, child) for parent, child in pairs if parent in self._seen}
        self._made_of |= made
        self._seen |= {child for _, child in made}

    def review(self, accept: bool) -> None:
        problems = list(self.store.problems.iterate(limit=3))
        self.store.labels.propose([Proposal(one.id, one.answer, one.answer + "0", 0.9, {}) for one in problems], "test")
        for review in self.store.labels.reviews(ReviewStatus.OPEN):
            if accept:
                self.store.labels.accept(review.id, "a person", "checked", all_are_accepted)
            else:
                self.store.labels.reject(review.id, "a person", "checked")

    def confirm(self) -> None:
        for page in self.store.problems.candidates():
            self.store.problems.confirm([one.id for one in page])

    def attempt(self) -> None:
        """Attempt every training problem twice, and demonstrate it."""
        training = list(self.store.problems.iterate(Split.TRAIN))
        if not training:
            return
        self.store.iterations.schedule(1, problems=len(training), samples=2, sampling=Sampling())
        leased = self.store.assignments.lease("a", 100, 60).assignments
        outcomes = list(enumerate((Outcome.ACCEPTED, Outcome.WRONG)))
        rollouts = [self._make.attempt(one, sample, outcome) for one in leased for sample, outcome in outcomes]
        demonstrations = [self._make.demonstration(one.id, one.id, "print(7)") for one in training]
        self.store.rollouts.add([*rollouts, *demonstrations])

    def train(self) -> set[str]:
        """The questions of a training set of a policy and of one of a value model."""
        questions = {one.id: one.question for one in self.store.problems.iterate()}
        self._trainings += 1
        sets: list[int] = []
        with suppress(NothingToScheduleError):
            sets.append(self.store.training_sets.select(2, POLICY))
        with suppress(NothingToScheduleError):
            sets.append(self.store.values.begin(1, {"number": self._trainings}, VALUE).training_set_id)
        return {questions[one.problem_id] for number in sets for one in self.store.training_sets.samples(number)}

    def tainted(self) -> set[str]:
        """The held-out questions, those that are similar to one, and everything connected with these by derivation."""
        tainted = {one for one in TEXTS if any(are_similar(one, other) for other in self._heldout)}
        while True:
            reached = {end for pair in self._made_of if tainted & set(pair) for end in pair} - tainted
            if not reached:
                return tainted
            tainted |= reached


def problem(question: str, split: Split, parent: str | None = None) -> Problem:
    name, key = f"p{TEXTS.index(question)}", question_key(question)
    if parent is None:
        return Problem(name, question, "7", "test", split, key)
    return Problem(name, question, "7", "test", split, key, parent_key=question_key(parent), made_by="rephrase")


def are_similar(one: str, other: str) -> bool:
    """Whether two questions are near-duplicates or template twins, compared directly."""
    templates = template_shingles(one), template_shingles(other)
    return similarity(shingles(one), shingles(other)) >= NEAR or (all(templates) and similarity(*templates) >= TWIN)


def all_are_accepted(label: str, answers: Sequence[str]) -> dict[str, Outcome]:
    return dict.fromkeys(answers, Outcome.ACCEPTED)


texts = st.sampled_from(TEXTS)
originals = st.tuples(
    st.just(History.import_originals),
    st.tuples(st.sets(texts, min_size=1, max_size=3), st.sampled_from([Split.HELDOUT, Split.HELDOUT, Split.TRAIN])),
)
made = st.lists(st.tuples(texts, st.sampled_from(REWORDED) | texts), min_size=1, max_size=3)
derived = st.tuples(st.just(History.import_derived), st.tuples(made, st.sampled_from([Split.TRAIN, Split.CANDIDATE])))
others = st.sampled_from([
    (History.attempt, ()),
    (History.confirm, ()),
    (History.review, (True,)),
    (History.review, (False,)),
])  # fmt: skip
steps = st.lists(derived | originals | others, min_size=2, max_size=6)
FIRST = list(zip(ORIGINALS, REWORDED, strict=False))


def test_no_training_set_of_a_policy_or_a_value_model_leads_to_a_held_out_question(sqlite_template: Path, make: type):
    chosen, spared = 0, 0

    # Without shrinking: histories are short, and each takes a store of its own.
    @settings(max_examples=14, deadline=None, derandomize=True, phases=[Phase.generate])
    @given(steps=steps)
    def leaks_nothing(steps: list[tuple[Callable[..., None], tuple[Any, ...]]]) -> None:
        nonlocal chosen, spared
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(sqlite_template, f"{folder}/store.db")
            with Store.open(f"sqlite:///{folder}/store.db") as store:
                history = History(store, make)
                history.import_originals(set(ORIGINALS), Split.TRAIN)
                history.import_derived(FIRST, Split.TRAIN)
                history.attempt()
                for step, arguments in steps:
                    step(history, *arguments)
                history.attempt()
                questions, tainted = history.train(), history.tainted()
        chosen, spared = chosen + len(questions), spared + len(tainted)
        assert not questions & tainted

    leaks_nothing()
    assert chosen > 20, "the histories train on something"
    assert spared > 20, "and have something to leak"
