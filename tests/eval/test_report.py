"""The contents of a report, and that no output of a model becomes markup."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from eval.comparison import Comparison
from eval.report import IterationStats, PolicyScore, Report, Solution, render
from eval.report.style import OUTCOMES
from store.records import Decision, Outcome, PolicySpan, Problem, Purpose, Rollout, Segment, SegmentKind, Split
from store.runs.figures import Figure

PROBLEM = Problem("p", "What is 6 * 7?", "42", "test", Split.HELDOUT, "k")
ROLLOUT = Rollout(
    "1-0",
    "p",
    Purpose.EVAL,
    Outcome.ACCEPTED,
    "tir",
    (1,),
    (2,),
    (True,),
    (PolicySpan(2, 0, 1),),
    (
        Segment(SegmentKind.TEXT, "Multiply."),
        Segment(SegmentKind.CODE, "print(6 * 7)"),
        Segment(SegmentKind.OUTPUT, "42"),
        Segment(SegmentKind.ANSWER, "42"),
    ),
    answer="42",
)
OLD = Figure(0.4, 400)  # of an earlier version, which stored no errors
REPORT = Report(
    name="demo-1",
    about="A test.",
    state="stopped",
    written_at="today",
    start_version=1,
    gain=Comparison(0.6, 0.4, 0.2, 400, 0.021, 0.158, 0.241),
    facts=[("problems held out", "400")],
    policies=[
        PolicyScore(0, "base", None, was_promoted=False, served=False),
        PolicyScore(1, "warm start", OLD, was_promoted=True, served=False),
        PolicyScore(
            2,
            "iteration 1",
            Figure(0.6, 400, 0.0245, 0.55, 0.6475, 0),
            was_promoted=True,
            served=True,
            other_figures={"pass@8": Figure(0.875, 398, 0.0166, 0.84, 0.907, 2)},
            omissions=["heldout-sampled: 5 attempts without a verdict"],
        ),
        PolicyScore(
            3,
            "iteration 2",
            Figure(0.55, 400, 0.0249, 0.5, 0.6, 0),
            was_promoted=False,
            served=False,
            comparison=Comparison(0.55, 0.6, -0.05, 400, 0.013, -0.075, -0.025),
        ),
    ],
    iterations=[
        IterationStats(1, 2, {"accepted": 30, "wrong": 60, "fault": 10}, 90, 1234.0, 0.25, {"sample": 9, "learn": 6}),
        IterationStats(2, 3, {"accepted": 50, "wrong": 50}, 90, 1234.0, 0.2, {"sample": 9, "learn": 6}),
    ],
    before_after=[],
    solutions=[Solution(PROBLEM, ROLLOUT, "v2, iteration 1")],
    configuration='preset = "demo"',
)


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} is closed out of order"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.text += data + " "


def test_the_page_is_well_formed_and_self_contained() -> None:
    page = Page(render(REPORT))

    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not {"src", "href", "onerror", "onload"} & {name for name, _ in page.attributes}


def test_the_headline_compares_the_start_with_the_served_policy() -> None:
    text = Page(render(REPORT)).text

    assert "40.0 % →" in text
    assert "+20.0 ± 2.1 points" in text  # the paired error
    assert "On the 400 problems that both attempted, the 95 % interval of the gain is +15.8 to +24.1" in text
    assert "Greedy pass@1 on 400 problems, held out" in text


def test_the_table_has_every_policy_and_its_metrics() -> None:
    text = Page(render(REPORT)).text

    for cell in ("v0", "warm start", "60.0 ± 2.5", "87.5 ± 1.7", "33.3 %", "0.250", "15 s"):
        assert cell in text


def test_the_table_compares_a_policy_with_the_one_promoted_before() -> None:
    assert "-5.0 ± 1.3" in Page(render(REPORT)).text


def decided(decision: Decision, comparison: Comparison | None, **assessment: object) -> PolicyScore:
    return replace(REPORT.policies[3], decision=decision, comparison=comparison, assessment=assessment)


def test_each_decision_on_a_promotion_has_its_interval_its_test_and_its_reason() -> None:
    comparison = Comparison(0.55, 0.6, -0.05, 400, 0.013, -0.0754, -0.0246, gained=10, lost=30)
    worse = decided(
        Decision.NOT_PROMOTED, comparison, rule="better", reason="it is <worse>", against=2, p_value=0.999, error=0.05
    )
    first = decided(Decision.PROMOTED, None, reason="it is the first policy that was measured")
    page = render(replace(REPORT, policies=[first, worse]))
    text = Page(page).text
    for cell in ("Promotions", "-7.5 to -2.5", "10", "30", "0.05", "not promoted", ": it is <worse>", "promoted"):
        assert cell in text
    assert 'class="interval down"' in page
    assert "<worse>" not in page


def test_decisions_of_an_earlier_version_have_no_test() -> None:
    comparison = Comparison(0.6, 0.4, 0.2, 400, 0.021, 0.158, 0.241)
    text = Page(render(replace(REPORT, policies=[decided(Decision.PROMOTED, comparison)]))).text
    assert "+15.8 to +24.1" in text


def test_without_a_comparison_there_are_no_promotions_to_show() -> None:
    assert "Promotions" not in Page(render(REPORT)).text


def test_what_figures_lack_is_listed_below_the_table() -> None:
    text = Page(render(REPORT)).text

    assert "v2: pass@8 over 398 of 400 problems; 2 lack samples after system faults" in text
    assert "heldout-sampled: 5 attempts without a verdict" in text
    assert "v3: " not in text


def test_each_metric_has_a_chart_with_its_intervals() -> None:
    page = render(REPORT)

    assert "Held-out pass@1 by policy" in page
    assert "Held-out pass@8 by policy" in page
    assert "Sampled, with 95 % intervals. 1 figure over fewer problems: see the table." in page
    assert page.count('class="error"') == 4


def test_figures_of_an_earlier_version_are_printed_and_drawn_with_the_error_of_a_proportion() -> None:
    old = PolicyScore(1, "warm start", OLD, was_promoted=True, served=True, other_figures={"maj@4": Figure(0.5, 0)})
    page = render(replace(REPORT, policies=[old], gain=None, iterations=[]))

    assert "40.0 ± 2.4" in Page(page).text
    assert "40.0 ± 2.4 (400 problems), 95 % interval 35.2 to 44.8" in page
    assert "Held-out maj@4 by policy" in page


def test_the_segments_of_a_solution_are_marked_up_by_kind() -> None:
    page = render(REPORT)

    assert '<div class="prose">Multiply.</div>' in page
    assert "<pre><code>print(6 * 7)</code></pre>" in page
    assert "<pre><samp>42</samp></pre>" in page


@pytest.mark.parametrize("kind", [SegmentKind.TEXT, SegmentKind.CODE, SegmentKind.OUTPUT])
def test_model_output_never_becomes_markup(kind: SegmentKind) -> None:
    attack = "</code></pre></div><script>alert(1)</script><img src=x onerror='alert(1)'>\" onload=\"x"
    rollout = replace(ROLLOUT, segments=(Segment(kind, attack),), answer=attack)
    problem = replace(PROBLEM, question=attack, answer=attack)
    solution = Solution(problem, rollout, attack)
    page = Page(render(replace(REPORT, name=attack, solutions=[solution], before_after=[(solution, solution)])))

    assert page.open == []
    assert not {"script", "img"} & set(page.tags)
    assert not {"onerror", "onload", "src"} & {name for name, _ in page.attributes}
    assert "<script>alert(1)</script>" in page.text  # shown as text, not run


def test_invisible_characters_are_replaced() -> None:
    rollout = replace(ROLLOUT, segments=(Segment(SegmentKind.TEXT, "a\x1b[2J\u202eb\ud800\0c\td\n"),))
    page = render(replace(REPORT, solutions=[Solution(PROBLEM, rollout, "v2")]))

    assert "a\ufffd[2J\ufffdb\ufffd\ufffdc\td" in page
    page.encode("utf-8")


def test_every_outcome_has_a_name_and_a_colour() -> None:
    assert {outcome for outcome, _, _ in OUTCOMES} == set(Outcome)


def test_very_long_output_is_shortened() -> None:
    rollout = replace(ROLLOUT, segments=(Segment(SegmentKind.OUTPUT, "x" * 1_000_000),))
    page = render(replace(REPORT, solutions=[Solution(PROBLEM, rollout, "v2")]))

    assert len(page) < 100_000
    assert "more characters" in page


def test_a_run_without_measurements_has_a_page() -> None:
    empty = replace(REPORT, start_version=None, policies=[], iterations=[], solutions=[])

    assert "No policy has been measured yet" in Page(render(empty)).text
