"""Filters in URLs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.browser.query import Query, QueryError, listing_url, parameters_of, parse, problem_url, rollout_url
from store.records import Outcome, Purpose, RolloutFilter, Split

TEXT = st.none() | st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).map(str.strip).filter(bool)
NUMBER = st.none() | st.integers(0, 10**18 - 1)


@given(
    st.builds(
        RolloutFilter,
        problem_id=TEXT,
        source=TEXT,
        split=st.none() | st.sampled_from(Split),
        purpose=st.none() | st.sampled_from(Purpose),
        outcome=st.none() | st.sampled_from(Outcome),
        policy_version=NUMBER,
        iteration=NUMBER,
        text=TEXT,
    )
)
def test_a_filter_is_read_from_its_own_parameters(wanted: RolloutFilter) -> None:
    assert parse(parameters_of(wanted)) == Query(wanted)


def test_empty_fields_of_a_form_filter_nothing() -> None:
    assert parse({"text": " ", "outcome": "", "policy": ""}) == Query(RolloutFilter())


def test_places_and_the_compared_rollout_are_read() -> None:
    assert parse({"older": "7", "with": "1-0"}) == Query(RolloutFilter(), older_than=7, compared="1-0")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"outcome": "good"}, "outcome: 'good' is none of accepted, wrong"),
        ({"policy": "v1"}, "policy: 'v1' is not an integer"),
        ({"policy": "1" * 30}, "policy: "),
        ({"policy": "٣"}, "policy: "),
        ({"text": "a\0"}, "text: it has a NUL"),
        ({"source": "x" * 301}, "source: 301 characters"),
    ],
)
def test_what_cannot_be_understood_is_named(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        parse(parameters)


def test_ids_cannot_lead_out_of_their_path() -> None:
    assert rollout_url("../x?y#z") == "/rollouts/..%2Fx%3Fy%23z"
    assert problem_url("gsm8k/train 1") == "/problems/gsm8k%2Ftrain%201"
    assert listing_url(RolloutFilter(text='"&<'), older=3) == "/rollouts?text=%22%26%3C&older=3"
