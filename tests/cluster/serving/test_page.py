"""The page at `/` in a browser, with scripted answers."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from cluster.serving.errors import ApiError
from store.records import ReviewStatus
from tests.browser import browser, watched

from .scripted import HOLD, Scripted, scripted_server

__all__ = ["browser"]

QUESTION = "What is 6 * 7?"
CODE = "```python\nprint(6 * 7)\n```\n"
OUTPUT = "```output\n42\n```\n"
ANSWER = "So it is $\\frac{84}{2}$, which is \\boxed{42}."
SOLUTION = ["I multiply.\n", CODE, OUTPUT, ANSWER]

ATTACK = (
    "<script>alert(1)</script><img src=x onerror=alert(1)><svg onload=alert(1)> ![x](http://evil.example/x.png) "
    "[y](javascript:alert(1)) <a href='http://evil.example'>z</a> \x1b[31mred\x1b]8;;http://evil.example\x07 \u202eabc "
    "<iframe src='http://evil.example'></iframe> ${alert(1)} {{7*7}} "
    "$<b>1</b>$ \\text{<b>2</b>} \\href{javascript:1}{3}"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    with scripted_server(collect=tmp_path_factory.mktemp("collected")) as scripted:
        yield scripted


@pytest.fixture
def scripted(server: Scripted) -> Scripted:
    server.held.clear()
    server.cancelled.clear()
    server.requests.clear()
    server.answers = {QUESTION: list(SOLUTION)}
    return server


def opened(browser: Browser, url: str, **context: Any) -> Iterator[Page]:
    made = browser.new_context(**context)
    made.set_default_timeout(60_000)
    page = made.new_page()
    errors = bool(context.pop("errors", False))
    with watched(page, url, errors=errors):
        page.goto(url)
        yield page
    made.close()


@pytest.fixture
def page(browser: Browser, scripted: Scripted) -> Iterator[Page]:
    yield from opened(browser, scripted.url)


@pytest.fixture
def phone(browser: Browser, scripted: Scripted) -> Iterator[Page]:
    size = {"width": 390, "height": 800}
    yield from opened(browser, scripted.url, viewport=size, color_scheme="dark", reduced_motion="reduce")


def ask(page: Page, question: str = QUESTION) -> None:
    page.get_by_label("Problem").fill(question)
    page.get_by_label("Problem").press("Control+Enter")


def test_it_allows_nothing_that_does_not_come_from_the_server_itself(scripted: Scripted) -> None:
    with httpx.Client(base_url=scripted.url) as client:
        reply = client.get("/")
        policy = reply.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["referrer-policy"] == "no-referrer"
        for path in re.findall(r'(?:src|href)="(page/[^"]+)"', reply.text):
            found = client.get(path)
            assert found.status_code == 200
            again = client.get(path, headers={"If-None-Match": found.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
        assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=", reply.text)


def test_a_solution_is_shown_in_its_parts_with_its_answer(page: Page) -> None:
    ask(page)
    expect(page.locator(".answer")).to_have_text("Answer 42")
    assert page.locator(".code .content").inner_text() == "print(6 * 7)"
    assert page.locator(".output .content").inner_text() == "42"
    assert page.locator(".boxed").inner_text() == "42"
    assert page.locator(".fraction").text_content() == "84/2"
    expect(page.locator(".facts")).to_contain_text("version 4")
    expect(page.locator(".facts")).to_contain_text("1 block of code")


def test_code_is_shown_while_it_is_written(page: Page, scripted: Scripted) -> None:
    scripted.answers[QUESTION] = ["I multiply.\n```python\nprint(6", HOLD, " * 7)\n```\n", OUTPUT, ANSWER]
    ask(page)
    expect(page.locator(".code .content")).to_have_text("print(6")
    expect(page.locator(".state")).to_have_text("Writing")
    scripted.release()
    expect(page.locator(".code .content")).to_have_text("print(6 * 7)")
    expect(page.locator(".state")).to_have_text("")


def test_the_indicator_says_running_while_the_sandbox_works(page: Page, scripted: Scripted) -> None:
    scripted.answers[QUESTION] = [CODE, HOLD, OUTPUT, ANSWER]
    ask(page)
    expect(page.locator(".state")).to_have_text("Running the code")
    expect(page.locator("#status")).to_have_text("Running the code")
    scripted.release()
    expect(page.locator(".answer")).to_have_text("Answer 42")
    expect(page.locator("#status")).to_contain_text("the answer is 42")


def test_hostile_text_stays_text_wherever_it_stands(page: Page, scripted: Scripted) -> None:
    fence = "```python\nprint(1)\n```\n"
    text = f"{ATTACK}\n```python\n# {ATTACK}\n```\n```output\n{ATTACK}\n```\n{ATTACK} \\boxed{{{ATTACK}}}{fence}"
    scripted.answers[ATTACK] = [text[i : i + 7] for i in range(0, len(text), 7)]
    ask(page, ATTACK)
    expect(page.locator(".answer")).to_be_visible()

    for place in (".prose", ".code .content", ".output .content", ".answer", ".boxed", "#results > .asked"):
        shown = page.locator(place).first.inner_text()
        assert "<script>alert(1)</script><img src=x onerror=alert(1)>" in shown, place
        assert "](http://evil.example/x.png)" in shown, place
    assert "\x1b" not in page.locator("#results").inner_text()
    assert "ESC" in page.locator(".output .content").inner_text()
    assert "U+202E" in page.locator(".code .content").first.inner_text()
    for name in ("img", "iframe", "svg", "a[href^=http]", "a[href^=javascript]", "script:not([src])", "b"):
        assert page.locator(f"main {name}").count() == 0, name
    page.reload()
    page.get_by_role("button", name="<script>").click()
    assert "<script>alert(1)</script>" in page.locator(".prose").first.inner_text()


@pytest.mark.parametrize("text", ["{" * 5000, "\\boxed{" * 2000, "$" * 5000, "\\(" * 5000, "\\frac" * 3000, "^" * 5000])
def test_broken_formulas_stay_text_and_do_not_hang_the_page(page: Page, scripted: Scripted, text: str) -> None:
    scripted.answers[QUESTION] = [f"$x{text}$ and {text}", f"\\boxed{{{text}}} \\boxed{{42}}"]
    ask(page)
    expect(page.locator(".answer")).to_be_visible()


def test_output_that_the_policy_made_up_is_not_shown_as_output(page: Page, scripted: Scripted) -> None:
    scripted.answers[QUESTION] = ["The code would print\n```output\n43\n```\nso \\boxed{43}"]
    ask(page)
    expect(page.locator(".answer")).to_be_visible()
    assert page.locator(".output").count() == 0


def test_observations_of_marios_format_are_output(page: Page, scripted: Scripted) -> None:
    thought = "Thought: multiply.\nAction: python_interpreter\n\nAction Input: "
    scripted.answers[QUESTION] = [thought, CODE, "\nObservation: 42\n\nThought: done. Final Answer: $42$"]
    ask(page)
    expect(page.locator(".facts")).to_be_visible()
    assert page.locator(".output .content").inner_text() == "42"
    assert "Final Answer" in page.locator(".prose").last.inner_text()


def test_elements_of_marios_html_are_prose_code_and_output(page: Page, scripted: Scripted) -> None:
    code = "<p>\nMultiply.\n</p>\n<code>\nprint(6 * 7)\n</code>\n"
    scripted.answers[QUESTION] = [code, "Output: 42\n\n<p>\nFinal Answer: $42$\n</p>"]
    ask(page)
    expect(page.locator(".facts")).to_be_visible()
    assert page.locator(".prose").first.inner_text() == "Multiply."
    assert page.locator(".code .content").inner_text() == "print(6 * 7)"
    assert page.locator(".output .content").inner_text() == "42"
    assert "Final Answer" in page.locator(".prose").last.inner_text()


def test_it_is_used_with_the_keyboard_alone(page: Page, scripted: Scripted) -> None:
    expect(page.locator("#collecting")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the question")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    if page.evaluate("document.activeElement.id") != "question":
        page.get_by_label("Problem").focus()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".answer")).to_be_visible()
    correct = page.get_by_role("button", name="Correct")
    for _ in range(40):
        page.keyboard.press("Tab")
        if correct.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(correct).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("how", ["Escape", "Stop"])
def test_stopping_cancels_the_request_and_keeps_what_came(page: Page, scripted: Scripted, how: str) -> None:
    scripted.answers[QUESTION] = ["I wait.", HOLD, ANSWER]
    ask(page)
    expect(page.locator(".prose")).to_have_text("I wait.")
    if how == "Stop":
        page.get_by_role("button", name="Stop").click()
    else:
        page.keyboard.press("Escape")
    expect(page.locator(".state")).to_have_text("Stopped")
    assert scripted.cancelled.wait(30)
    expect(page.locator(".prose")).to_have_text("I wait.")
    scripted.answers[QUESTION] = list(SOLUTION)
    ask(page)
    expect(page.locator(".answer")).to_have_text("Answer 42")


def test_a_rating_arrives_in_the_store_and_can_be_changed(page: Page, scripted: Scripted) -> None:
    assert scripted.store is not None
    ask(page)
    page.get_by_role("button", name="Correct").click()
    expect(page.get_by_role("button", name="Correct")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Wrong").click()
    page.get_by_label("The right answer").fill("43")
    page.get_by_label("Comment").fill("<b>count again</b>")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Saved")).to_be_visible()

    found = scripted.store.feedback.collected(ReviewStatus.OPEN, limit=1)[0].completion
    (answer,) = found.answers
    assert (found.question, answer.answer) == (QUESTION, "42")
    assert (answer.rating, answer.right_answer, answer.comment) == (-1, "43", "<b>count again</b>")


def test_who_does_not_want_to_be_kept_is_not(page: Page, scripted: Scripted) -> None:
    page.get_by_label("Do not keep mine").check()
    ask(page)
    expect(page.locator(".answer")).to_be_visible()
    assert scripted.requests[0]["store"] is False
    expect(page.get_by_role("button", name="Correct")).to_be_hidden()


def test_two_versions_are_compared_side_by_side(page: Page, scripted: Scripted) -> None:
    page.get_by_text("Settings").click()
    page.get_by_label("Compare with").select_option("automathes/arithmetic@v3")
    page.get_by_label("Temperature").fill("0.5")
    ask(page)
    expect(page.locator(".answer")).to_have_count(2)
    assert [request["model"] for request in scripted.requests] == ["automathes/arithmetic", "automathes/arithmetic@v3"]
    assert {request["temperature"] for request in scripted.requests} == {0.5}
    left, right = (page.locator(".solution").nth(i).bounding_box() for i in range(2))
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert right["x"] >= left["x"] + left["width"]


def test_one_version_is_compared_with_another_sample_of_itself(page: Page, scripted: Scripted) -> None:
    page.get_by_text("Settings").click()
    page.get_by_label("Compare with").select_option("another sample")
    ask(page)
    expect(page.locator(".answer")).to_have_count(2)
    first, second = scripted.requests
    assert first["model"] == second["model"]
    assert "temperature" not in first
    assert second["temperature"] > 0


def test_the_questions_of_the_tab_are_kept_until_it_is_closed(page: Page, browser: Browser, scripted: Scripted) -> None:
    ask(page)
    expect(page.locator(".answer")).to_be_visible()
    page.reload()
    page.locator("#history-list button").click()
    expect(page.locator(".answer")).to_have_text("Answer 42")
    assert page.evaluate("localStorage.length") == 0
    for other in opened(browser, scripted.url):
        expect(other.locator("#history")).to_be_hidden()


def test_it_fits_a_phone_and_is_dark_where_that_is_preferred(phone: Page) -> None:
    phone.get_by_text("Settings").click()
    phone.get_by_label("Compare with").select_option("automathes/arithmetic@v3")
    ask(phone)
    expect(phone.locator(".answer")).to_have_count(2)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    dark = phone.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", dark))) < 3 * 60
    assert phone.evaluate("getComputedStyle(document.querySelector('.state')).animationName") == "none"


def test_an_error_is_the_apis_message(browser: Browser, scripted: Scripted) -> None:
    scripted.answers["refused"] = ApiError(400, "temperature: at most 2, not <b>7</b>", "temperature")
    scripted.answers["broken"] = ["I begin.", ApiError(500, "the engine failed on the request")]
    page = browser.new_page()
    with watched(page, scripted.url, errors=True):
        page.goto(scripted.url)
        ask(page, "refused")
        expect(page.get_by_role("alert").last).to_have_text("temperature: at most 2, not <b>7</b>")
        ask(page, "broken")
        expect(page.get_by_role("alert").last).to_have_text("the engine failed on the request")
        expect(page.locator(".prose")).to_have_text("I begin.")
        expect(page.locator(".rating")).to_be_hidden()
    page.close()


def test_a_token_is_asked_for_kept_in_the_tab_and_sent_as_a_header(browser: Browser) -> None:
    with scripted_server(token="right-token") as scripted:
        scripted.answers[QUESTION] = list(SOLUTION)
        page = browser.new_page()
        with watched(page, scripted.url, errors=True):
            page.goto(scripted.url)
            page.get_by_label("Token", exact=True).fill("wrong")
            page.get_by_label("Token", exact=True).press("Enter")
            expect(page.get_by_text("the token is wrong")).to_be_visible()
            page.get_by_label("Token", exact=True).fill("right-token")
            page.get_by_role("button", name="Use this token").click()
            expect(page.locator("#token-form")).to_be_hidden()
            ask(page)
            expect(page.locator(".answer")).to_have_text("Answer 42")
            expect(page.locator(".rating")).to_have_count(0)
            page.reload()
            expect(page.locator("#model option").first).to_be_attached()
            assert "right-token" not in page.url
            assert "right-token" not in page.content()
            page.get_by_text("Settings").click()
            page.get_by_role("button", name="Forget the token").click()
            expect(page.get_by_label("Token", exact=True)).to_be_focused()
            assert page.evaluate("sessionStorage.getItem('automathes.token')") is None
        page.close()


def test_a_server_that_has_gone_is_named(browser: Browser) -> None:
    with scripted_server() as scripted:
        page = browser.new_page()
        page.goto(scripted.url)
        expect(page.locator("#model option").first).to_be_attached()
    ask(page)
    expect(page.get_by_role("alert").last).to_have_text("The server cannot be reached. Is it still running?")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_told_from_its_background(browser: Browser, scripted: Scripted, scheme: Any) -> None:
    for page in opened(browser, scripted.url, color_scheme=scheme):
        ask(page)
        expect(page.locator(".answer")).to_be_visible()
        style = (Path(__file__).parents[3] / "cluster/serving/api/page/static/page.css").read_text()
        names = set(re.findall(r"(--[\w-]+): #", style))
        colours = page.evaluate(
            "names => Object.fromEntries(names.map(n => [n, getComputedStyle(document.body).getPropertyValue(n)]))",
            sorted(names),
        )
        pairs = [(ink, ground) for ground in ("--page", "--card") for ink in ("--ink", "--soft", "--bad", "--accent")]
        pairs += [(f"--{name}", "--code") for name in ("ink", "keyword", "string", "number", "comment")]
        pairs += [("--on-accent", "--accent"), ("--good", "--card"), ("--ink", "--tint")]
        assert {pair: ratio for pair in pairs if (ratio := _contrast(*(colours[name] for name in pair))) < 4.5} == {}


def _contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2."""

    def luminance(colour: str) -> float:
        parts = [int(colour.strip()[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)
