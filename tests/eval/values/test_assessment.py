"""What a report on a value model says, for scores of known quality."""

import random
from xml.etree import ElementTree

import pytest

from eval.metrics import NothingMeasuredError, compute_figures
from eval.values.assessment import Assessment, assess
from eval.values.markdown import to_markdown
from eval.values.page import to_page
from eval.values.records import ValueReport
from eval.values.reranking import rerank_figures
from store.records import Outcome, ScoredAttempt
from store.runs.evaluations import SampledAnswer

type Attempts = dict[str, list[ScoredAttempt]]


def made(problems: int = 40, samples: int = 6, skill: float = 1.0, seed: int = 0) -> Attempts:
    """Attempts at problems of all difficulties; with `skill` 0 scores say nothing, with 1 they order all rightly."""
    rng = random.Random(seed)
    found: Attempts = {}
    for number in range(problems):
        ease = rng.random()
        for _ in range(samples):
            right = rng.random() < ease
            score = skill * right + (1 - skill) * rng.random()
            outcome, answer = (Outcome.ACCEPTED, "1") if right else (Outcome.WRONG, rng.choice("234"))
            one = ScoredAttempt(outcome, answer, score, rng.randrange(10, 50), rng.randrange(3))
            found.setdefault(f"p{number}", []).append(one)
    return found


def report_of(assessment: Assessment) -> ValueReport:
    return ValueReport("demo-1", 1, 2, 2, 3, 6, 0.8, assessment)


def test_perfect_scores_choose_a_right_answer_whenever_there_is_one() -> None:
    found = assess(made(skill=1.0), 6)
    assert found.auc.value == 1.0
    assert [figure.value for figure in found.picking.figures["best"]] == [
        pytest.approx(figure.value) for figure in found.picking.figures["pass"]
    ]
    assert found.picking.gains["maj"].low > 0


def test_scores_that_say_nothing_choose_like_chance() -> None:
    found = assess(made(problems=400, skill=0.0), 6)
    assert found.auc.value == pytest.approx(0.5, abs=0.03)
    best, chance = (found.picking.figures[name][-1] for name in ("best", "random"))
    assert best.value == pytest.approx(chance.value, abs=0.05)


def test_k_goes_up_to_the_samples() -> None:
    found = assess(made(samples=6), 6)
    assert found.picking.ks == (1, 2, 3, 4, 5, 6)


def test_pass_and_majority_are_those_of_the_evaluation() -> None:
    attempts = made()
    answers = {problem: [SampledAnswer(one.outcome, one.answer) for one in own] for problem, own in attempts.items()}
    expected, found = compute_figures(answers, 6).figures, assess(attempts, 6).picking.figures
    assert found["pass"][-1].value == pytest.approx(expected["pass@6"].value)
    assert found["maj"][-1].value == pytest.approx(expected["maj@6"].value)
    assert found["random"][0].value == pytest.approx(expected["pass@1"].value)


def test_scores_that_are_probabilities_are_calibrated() -> None:
    rng = random.Random(0)
    attempts = {}
    for number in range(1500):
        score = rng.random()
        outcome = Outcome.ACCEPTED if rng.random() < score else Outcome.WRONG
        attempts[f"p{number}"] = [ScoredAttempt(outcome, "1", score, 10, 1)]
    found = assess(attempts, 1).calibration
    assert len(found.bins) == 10
    assert found.error < 0.05
    assert found.brier == pytest.approx(1 / 6, abs=0.03)


def test_faults_and_unreadable_labels_are_left_out() -> None:
    attempts = made(problems=10)
    attempts["p0"][0] = attempts["p0"][0]._replace(outcome=Outcome.FAULT, score=None)
    attempts["p1"][0] = attempts["p1"][0]._replace(outcome=Outcome.UNVERIFIABLE)
    found = assess(attempts, 6)
    assert (found.problems, found.attempts, found.without_verdict) == (9, 53, 7)
    assert found.picking.figures["best"][-1].n == 8
    assert found.picking.figures["best"][-1].missing == 1


def test_attempts_without_scores_are_not_measured() -> None:
    attempts = {problem: [one._replace(score=None) for one in own] for problem, own in made().items()}
    with pytest.raises(NothingMeasuredError):
        assess(attempts, 6)
    assert rerank_figures(attempts, 6) == {}


def test_slices_divide_the_attempts() -> None:
    found = assess(made(), 6)
    assert [one.name for one in found.by_blocks] == ["0", "1", "2"]
    assert sum(one.auc.attempts for one in found.by_blocks) == found.attempts
    assert sum(one.auc.attempts for one in found.by_length) == found.attempts
    assert sum(one.problems for one in found.by_length) == found.problems


def test_reranked_figures_are_those_of_the_report() -> None:
    attempts = made(skill=0.5)
    figures, picking = rerank_figures(attempts, 6), assess(attempts, 6).picking.figures
    assert figures == {"best@6": picking["best"][-1], "weighted@6": picking["weighted"][-1]}


def test_the_report_says_by_how_much_choosing_beats_the_majority() -> None:
    report = report_of(assess(made(skill=1.0), 6))
    gain = report.assessment.picking.gains["maj"]
    text = to_markdown(report)
    assert f"instead of maj@6: {100 * gain.value:+.1f}" in text
    assert "better" in text


def test_the_page_is_well_formed_and_has_both_plots() -> None:
    page = to_page(report_of(assess(made(skill=0.5), 6)))
    body = page[page.index("<body>") : page.index("</body>") + len("</body>")].replace("class=legend", 'class="legend"')
    assert len(list(ElementTree.fromstring(body).iter("svg"))) == 2
