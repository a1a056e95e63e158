"""Parts of the server without HTTP: access, the live page, and tokens as text."""

import threading
from dataclasses import replace

import pytest

from cluster.config.run_folder import RunFolder
from cluster.report.access import SESSION_S, Access, is_local_name
from cluster.report.live import LivePage
from cluster.report.token_texts import TokensUnavailableError, TokenTexts, decode
from store.errors import StoreAwayError
from store.records import Rollout

from .solutions import byte_tokenizer


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_session_ends_by_itself_and_cannot_be_forged() -> None:
    clock = Clock()
    access = Access("a token of the tests", clock)
    session = access.new_session()
    end, _, signature = session.partition(".")
    assert access.allows(None, session)
    assert not access.allows(None, f"{int(end) + 1}.{signature}")
    assert not Access("another token of the tests", clock).allows(None, session)
    for forged in ("", ".", "x.y", f"{end}.", f"{'9' * 30}.{signature}", f"{end}.é"):
        assert not access.allows(None, forged)
    clock.now_s += SESSION_S + 1
    assert not access.allows(None, session)


@pytest.mark.parametrize(
    ("name", "is_local"),
    [
        ("127.0.0.1:80", True),
        ("localhost", True),
        ("LOCALHOST:8268", True),
        ("[::1]", True),
        ("127.8.8.8", True),
        ("here.localhost:1", True),
        ("192.0.2.1:8268", False),
        ("localhost.example", False),
        ("", False),
    ],
)
def test_names_of_this_machine_are_told_from_others(name: str, is_local: bool) -> None:
    assert is_local_name(name, "127.0.0.1") is is_local


def test_a_page_is_rendered_once_for_all_until_it_is_old() -> None:
    clock, rendered = Clock(), []

    def render() -> str:
        rendered.append(clock.now_s)
        return f"page {len(rendered)}"

    page = LivePage(render, clock)
    assert [page.get().page for _ in range(3)] == ["page 1"] * 3
    clock.now_s += 5
    second = page.get()
    assert second.page == "page 2"
    assert len(rendered) == 2


def test_a_page_that_takes_long_is_rendered_less_often() -> None:
    clock, count = Clock(), 0

    def render() -> str:
        nonlocal count
        count += 1
        clock.now_s += 6
        return "page"

    page = LivePage(render, clock)
    page.get()
    clock.now_s += 29
    page.get()
    assert count == 1
    clock.now_s += 2
    page.get()
    assert count == 2


def test_readers_do_not_wait_for_a_page_that_is_rendered_again() -> None:
    clock, go, started = Clock(), threading.Event(), threading.Event()
    go.set()

    def render() -> str:
        started.set()
        assert go.wait(60)
        return f"page of {clock.now_s:.0f}"

    page = LivePage(render, clock)
    page.get()
    go.clear()
    started.clear()
    clock.now_s += 100
    renewing = threading.Thread(target=page.get)
    renewing.start()
    assert started.wait(60)
    assert page.get().page == "page of 1000"
    go.set()
    renewing.join()
    assert page.get().page == "page of 1100"


def test_an_outage_is_reported_to_all_for_a_moment_and_then_tried_again() -> None:
    clock, tries = Clock(), 0

    def render() -> str:
        nonlocal tries
        tries += 1
        if tries == 2:
            raise StoreAwayError("the server is away")
        return "page"

    page = LivePage(render, clock)
    page.get()
    clock.now_s += 100
    for _ in range(2):
        with pytest.raises(StoreAwayError):
            page.get()
    clock.now_s += 3
    assert page.get().page == "page"
    assert tries == 3


# ---------------------------------------------------------------- tokens


@pytest.fixture
def mixed(run: RunFolder) -> Rollout:
    """A rollout that two policies wrote."""
    with run.open_store(run.read_config()) as store:
        found = store.rollouts.iterate(purpose=None, policy_version=2)
        return next(one for one in found if one.spans[0].version == 1)


def test_pieces_are_the_text_with_the_numbers_of_its_tokens(mixed: Rollout) -> None:
    pieces = list(decode(byte_tokenizer(), mixed))
    assert mixed.logprobs is not None
    text = "".join(piece.text for piece in pieces if piece.by_policy)
    assert text.startswith("Multiply. é∑\n```python\nprint(6 * 7)")
    assert text.endswith("\\boxed{42}<eos>")
    letter = next(piece for piece in pieces if piece.text == "∑")
    assert letter.logprob == pytest.approx(sum(mixed.logprobs[letter.first : letter.first + 3]))
    assert {piece.version for piece in pieces} == {1, None, 2}
    assert all(piece.logprob is None for piece in pieces if not piece.by_policy)
    assert [piece.text for piece in pieces if piece.is_special] == ["<eos>"]


def test_bytes_that_are_no_text_end_with_the_part_of_a_policy(mixed: Rollout) -> None:
    lead_byte = byte_tokenizer().encode("é").ids[0]
    broken = replace(mixed, token_ids=(lead_byte, lead_byte), model_mask=(True, True), logprobs=(-1.0, -2.0))
    spans = (replace(mixed.spans[0], start=0, end=1), replace(mixed.spans[1], start=1, end=2))
    pieces = list(decode(byte_tokenizer(), replace(broken, spans=spans)))
    assert [(piece.text, piece.version) for piece in pieces] == [("\ufffd", 1), ("\ufffd", 2)]


def test_very_long_rollouts_and_demonstrations_have_no_pieces(run: RunFolder, mixed: Rollout) -> None:
    with run.open_store(run.read_config()) as store:
        texts = TokenTexts(store, run)
        with pytest.raises(TokensUnavailableError, match="no policy sampled it"):
            texts.pieces(replace(mixed, spans=()))
        with pytest.raises(TokensUnavailableError, match="30,000 tokens"):
            texts.pieces(replace(mixed, token_ids=(1,) * 30_000))
