"""The pages in a real browser: decisions by keyboard, blind and double; hostile text; several pages at once; edits."""

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from cluster.config.run_folder import RunFolder
from store.records import Purpose, ReviewQueue, ReviewVerdict
from store.reviews.settings import ReviewSettings
from tests.browser import browser, watched

from .conftest import HOSTILE_NUMBER, ServeRun

__all__ = ["browser"]

A, R, U = "a", "r", "u"
TRUSTED = ReviewSettings(check_share=1.0, undo_s=0.0)

type Open = Callable[..., Page]

expect.set_options(timeout=60_000)


@pytest.fixture
def open_as(browser: Browser) -> Iterator[Open]:
    """Opens a page as a reviewer, in a browser of their own, and watches what it does besides."""
    opened = []

    def start(url: str, name: str, **options: object) -> Page:
        context = browser.new_context(base_url=url, **options)
        context.set_default_timeout(60_000)
        page = context.new_page()
        watch = watched(page, url)
        watch.__enter__()
        opened.append((context, watch))
        page.goto("/")
        page.get_by_label("Name").fill(name)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Queues")).to_be_visible()
        return page

    yield start
    for context, watch in opened:
        context.close()
        watch.__exit__(None, None, None)


def press(page: Page, key: str) -> None:
    """Press a key that leads to another item, and wait for it. While an answer is awaited, keys do nothing."""
    url = page.url
    page.wait_for_function("() => !document.querySelector('#work .htmx-request:not([hx-trigger])')")
    page.keyboard.press(key)
    page.wait_for_function("url => location.href !== url", arg=url)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for what the server does in the background; the first edit imports the tokenizers of transformers."""
    ends_at = time.monotonic() + 400
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.1)


def item_of(page: Page) -> str:
    return page.url.partition("/items/")[2].partition("?")[0]


def test_twenty_decisions_by_keyboard_give_the_kappa_of_a_calculation_by_hand(
    serve: ServeRun, run: RunFolder, open_as: Open
) -> None:
    """Both decide on the same ten items. They agree on 8; p_e = .6 * .6 + .3 * .3 + .1 * .1 = .46; (.8 - .46) / .54."""
    url = serve(run)
    ada, bob = open_as(url, "ada"), open_as(url, "bob")
    items: dict[str, list[str]] = {"ada": [], "bob": []}
    for page in (ada, bob):
        press(page, "3")
    for of_ada, of_bob in zip([A] * 6 + [R] * 3 + [U], [A] * 5 + [R] + [R] * 2 + [A] + [U], strict=True):
        for name, page, key in (("ada", ada, of_ada), ("bob", bob, of_bob)):
            items[name].append(item_of(page))
            press(page, key)
    assert items["ada"] == items["bob"]
    assert len(set(items["ada"])) == 10

    press(ada, "q")
    row = ada.locator(".agreement tbody tr")
    expect(row).to_have_count(1)
    assert row.locator("td").all_inner_texts() == ["solutions", "ada, bob", "0.63 ± 0.23", "80 %", "10"]
    checks = ada.locator(".queue", has_text="Spot checks")
    expect(checks).to_contain_text("4 open, 2 of them for a third reviewer; 8 settled")
    with run.open_store(run.read_config()) as store:
        assert [one.reviewer for one in store.reviews.decisions()] == ["bob", "ada"] * 10


def test_a_reviewer_sees_nothing_of_what_another_decided(serve: ServeRun, run: RunFolder, open_as: Open) -> None:
    url = serve(run)
    ada, bob = open_as(url, "ada"), open_as(url, "bob")
    press(ada, "3")
    item = item_of(ada)
    ada.get_by_label("Note").fill("a note of ada's")
    ada.get_by_role("button", name="Reject").click()
    expect(ada.get_by_text("Stored: rejected")).to_be_visible()
    press(bob, "3")
    assert item_of(bob) == item
    text = bob.locator("body").inner_text()
    assert "ada" not in text
    assert "rejected" not in text


def test_undo_brings_the_item_back_and_keeps_the_history(serve: ServeRun, run: RunFolder, open_as: Open) -> None:
    page = open_as(serve(run), "ada")
    press(page, "2")
    item = item_of(page)
    press(page, "a")
    press(page, "z")
    expect(page.get_by_role("status").first).to_have_text("Undone: accepted. Decide again")
    assert item_of(page) == item
    press(page, "r")
    press(page, "q")
    page.get_by_role("link", name="History").click()
    expect(page.locator(".row")).to_have_count(2)
    assert page.locator(".row .pill").all_inner_texts() == ["rejected", "accepted, undone"]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Accept")).to_be_visible()
    assert item_of(page) == item


def test_keys_go_forwards_and_back_and_open_the_help(serve: ServeRun, run: RunFolder, open_as: Open) -> None:
    page = open_as(serve(run), "ada")
    press(page, "3")
    first = item_of(page)
    press(page, "j")
    second = item_of(page)
    press(page, "n")
    assert len({first, second, item_of(page)}) == 3
    press(page, "k")
    press(page, "p")
    assert item_of(page) == first
    page.keyboard.press("k")
    expect(page.get_by_role("heading", name="this is the last one")).to_be_visible()
    press(page, "j")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("m")
    page.keyboard.type("reject me")
    expect(page.get_by_label("Note")).to_have_value("reject me")
    with run.open_store(run.read_config()) as store:
        assert store.reviews.decisions() == []


def test_two_pages_of_a_reviewer_have_different_items_and_lose_nothing(
    serve: ServeRun, run: RunFolder, open_as: Open
) -> None:
    first = open_as(serve(run), "ada")
    second = first.context.new_page()
    press(first, "3")
    second.goto("/next?queue=checks")
    assert item_of(first) != item_of(second)
    items = {item_of(first), item_of(second)}

    copy = first.context.new_page()
    copy.goto(first.url)
    copy.get_by_label("Note").fill("do not lose me")
    press(first, "a")
    press(second, "r")
    copy.get_by_role("button", name="Reject").click()
    expect(copy.get_by_role("alert")).to_contain_text("You decided on this item before: accept")
    expect(copy.get_by_label("Note")).to_have_value("do not lose me")
    with run.open_store(run.read_config()) as store:
        made = store.reviews.decisions(reviewer="ada")
        assert {str(one.item_id) for one in made} == items
        assert {one.verdict for one in made} == {ReviewVerdict.ACCEPT, ReviewVerdict.REJECT}


def test_hostile_text_stays_text(serve: ServeRun, run: RunFolder, open_as: Open) -> None:
    page = open_as(serve(run), "<img src=x onerror=alert(1)>")
    with run.open_store(run.read_config()) as store:
        hostile = [one.item for one in store.reviews.export() if one.item.problem_id == f"p{HOSTILE_NUMBER}"]
    assert {item.queue for item in hostile} == {ReviewQueue.CHECKS, ReviewQueue.DOUBTS}
    for item in hostile:
        page.goto(f"/items/{item.id}")
        expect(page.locator(".question")).to_contain_text("<script>alert(1)</script>")
        expect(page.locator(".code code")).to_contain_text("</code></pre></script>")
        page.keyboard.press("e")
        expect(page.locator("#text")).to_be_focused()
        assert "<img src=x onerror=alert(1)>" in page.locator("#text").input_value()
        page.get_by_role("link", name="Cancel").click()
        expect(page.locator(".code")).to_be_visible()
        page.get_by_label("Note").fill("<script>alert(1)</script>")
        page.get_by_role("button", name="Unsure").click()
        expect(page.get_by_text("Stored: unsure")).to_be_visible()
    page.goto("/history")
    expect(page.locator(".row").first).to_contain_text("<script>alert(1)</script>")
    assert page.locator("main img, main script, main svg, main a[href^=javascript], .who img").count() == 0
    assert not {"\x1b", "\x07", "\0", "\u202e"} & set(page.locator("body").inner_text())


@pytest.mark.slow
def test_an_edited_solution_is_run_checked_and_trained_on_in_place_of_the_original(
    serve: ServeRun, run: RunFolder, open_as: Open
) -> None:
    url = serve(run, settings=TRUSTED)
    ada, bob = open_as(url, "ada"), open_as(url, "bob")
    press(ada, "2")
    item = item_of(ada)
    ada.keyboard.press("e")
    text = ada.locator("#text")
    answer = ada.locator(".versus .answer").first.inner_text()
    text.fill("I compute it.\n```python\nprint(1 / 0)\n```\nSo it is \\boxed{0}.")
    ada.keyboard.press("Control+Enter")
    expect(ada.locator("#result li")).to_contain_text(["ZeroDivisionError", "differs from the reference answer"])
    ada.get_by_role("button", name="Run and store").click()
    expect(ada.locator("#result li")).to_have_count(2)

    edited = f"I compute it.\n```python\nx = {answer}\nprint(x)\n```\nSo it is \\boxed{{{answer}}}."
    text.fill(edited)
    ada.keyboard.press("Control+Enter")
    expect(ada.get_by_text("It runs, and its answer equals the reference.")).to_be_visible()
    expect(ada.locator("#result samp")).to_have_text(answer)
    ada.get_by_role("button", name="Run and store").click()
    expect(ada.get_by_text("Stored: edited")).to_be_visible()

    press(bob, "2")
    assert item_of(bob) == item
    press(bob, "r")
    with run.open_store(run.read_config()) as store:
        wait_for(lambda: store.reviews.item(int(item)).effect is not None)
        settled = store.reviews.item(int(item))
        assert settled.effect == "excluded from training; 1 edited solution stored as demonstration"
        (made,) = store.rollouts.iterate(purpose=Purpose.DEMONSTRATION)
        assert (made.problem_id, made.answer) == (settled.problem_id, answer)
        assert [one.stdout for one in made.executions] == [f"{answer}\n"]
        assert sum(made.model_mask) < len(made.model_mask)
        (decision,) = [one for one in store.reviews.decisions(reviewer="ada") if one.edit is not None]
        assert decision.edit is not None
        assert (decision.edit.rollout_id, decision.edit.text) == (made.id, edited)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(serve: ServeRun, run: RunFolder, open_as: Open, scheme: str) -> None:
    page = open_as(serve(run), "ada", viewport={"width": 390, "height": 844}, color_scheme=scheme)
    for key in (None, "1", "2"):
        if key is not None:
            page.goto("/")
            press(page, key)
            expect(page.get_by_role("button", name="Unsure")).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_a_label_is_corrected_once_two_agree(serve: ServeRun, run: RunFolder, open_as: Open) -> None:
    url = serve(run, settings=TRUSTED)
    for name in ("ada", "bob"):
        page = open_as(url, name)
        press(page, "1")
        expect(page.get_by_role("heading", name="Is the label wrong?")).to_be_visible()
        page.get_by_label("Note").fill(f"{name} counted")
        page.get_by_role("button", name="Correct it").click()
        expect(page.get_by_text("Stored: accepted")).to_be_visible()
    with run.open_store(run.read_config()) as store:
        wait_for(lambda: bool(store.labels.history("p1")))
        (change,) = store.labels.history("p1")
        assert (change.new_answer, change.changed_by) == ("7", "ada, bob")
        assert change.reason == "ada counted; bob counted"
