"""The pages in a real browser: hostile text stays text, keys work, and nothing is wider than the screen."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from cluster.config.run_folder import RunFolder
from eval.browser import document
from eval.browser.records import Site
from store.records import Policy, RolloutFilter

from ...browser import chromium
from .conftest import HOSTILE_ID, ServeRun

TOKEN = "a token of the tests"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def url(serve: ServeRun, run: RunFolder) -> str:
    return serve(run, None)


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """A page that records what should never happen: dialogs, errors, and requests to other hosts."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=url)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    opened.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    opened.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    opened.on("request", lambda request: None if request.url.startswith((url, "data:")) else wrong.append(request.url))
    yield opened
    context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def ids(run: RunFolder) -> list[str]:
    """The rollouts of the hostile problem, newest first; the third is the hostile one, the last of two policies."""
    with run.open_store(run.read_config()) as store:
        return [one.id for one in store.rollouts.page(RolloutFilter(problem_id=HOSTILE_ID), 10).rollouts]


def test_hostile_text_stays_text(page: Page, ids: list[str]) -> None:
    for path in ("/", "/rollouts", f"/rollouts/{ids[2]}", f"/rollouts/{ids[0]}?with={ids[2]}"):
        page.goto(path)
        expect(page.locator("body")).to_contain_text("<script>alert(1)</script>")
        assert page.locator("main img, main script, main svg[onload], main a[href^=javascript]").count() == 0
        text = page.locator("body").inner_text()
        assert not {"\x1b", "\x07", "\0", "\u202e"} & set(text)
    expect(page.locator(".code").last).to_contain_text("![pixel](http://198.51.100.7/pixel.png)")
    page.locator(".problem a").click()
    expect(page.locator("h1")).to_contain_text(HOSTILE_ID)


def test_a_filter_is_set_by_keyboard_and_is_part_of_the_url(page: Page) -> None:
    page.goto("/rollouts")
    page.get_by_label("Text in question or rollout").press_sequentially("6 * 3?")
    page.get_by_label("Outcome").select_option("wrong")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Filter").press("Enter")
    expect(page.locator(".row")).to_have_count(2)
    assert "outcome=wrong" in page.url
    page.reload()
    expect(page.get_by_label("Outcome")).to_have_value("wrong")
    page.get_by_role("link", name="Clear").click()
    expect(page.locator("#count")).to_have_text("40 rollouts, newest first.")


def test_j_and_k_move_through_the_list_and_through_rollouts(page: Page, ids: list[str]) -> None:
    page.goto("/rollouts")
    for key in ("j", "j", "k", "j"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(ids[1])
    page.keyboard.press("j")
    expect(page.locator("h1")).to_contain_text(ids[2])
    page.keyboard.press("k")
    expect(page.locator("h1")).to_contain_text(ids[1])


def test_tokens_have_colours_and_show_their_numbers(page: Page, ids: list[str]) -> None:
    page.goto(f"/rollouts/{ids[3]}")
    unlikely, likely = page.locator(".text .p4").first, page.locator(".text .t:not([class*=p])").first
    background = "element => getComputedStyle(element).backgroundColor"
    assert unlikely.evaluate(background) != likely.evaluate(background)
    unlikely.hover()
    expect(page.locator(".notice")).to_contain_text("log-probability -")
    page.mouse.move(0, 0)
    page.locator("[data-tokens]").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".notice")).to_contain_text("token 1 ")
    page.get_by_label("colours").uncheck()
    assert unlikely.evaluate(background) == likely.evaluate(background)


def test_parts_of_two_policies_are_marked(page: Page, ids: list[str]) -> None:
    page.goto(f"/rollouts/{ids[3]}")
    assert page.locator(".version").all_inner_texts() == ["v1", "v1", "v2"]  # at the start of prose, code and prose
    expect(page.locator("dl")).to_contain_text("v1 from token 0 to")


def test_an_attempt_is_shown_beside_another(page: Page, ids: list[str]) -> None:
    page.goto(f"/rollouts/{ids[0]}")
    page.get_by_role("link", name=f"Side by side with {ids[3]}").click()
    expect(page.locator(".attempt")).to_have_count(2)
    left, right = (page.locator(".attempt").nth(number).bounding_box() for number in (0, 1))
    assert left is not None
    assert right is not None
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(browser: Browser, url: str, ids: list[str], scheme: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme, base_url=url)
    page = context.new_page()
    for path in (
        "/",
        "/rollouts?purpose=train",
        f"/rollouts/{ids[2]}",
        f"/rollouts/{ids[0]}?with={ids[2]}",
        "/problems/p1",
    ):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    context.close()


def test_the_focus_is_seen_and_the_first_tab_skips_to_the_content(page: Page) -> None:
    page.goto("/rollouts")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_the_report_refreshes_itself_in_place(page: Page, run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    page.goto("/")
    page.locator("summary").click()
    page.mouse.wheel(0, 400)
    page.evaluate("document.body.dataset.kept = 'yes'")
    with run.open_store(run.read_config()) as store:
        store.policies.add(Policy(7, 2, "policies/7", iteration=2))
    expect(page.locator("main")).to_contain_text("iteration 2", timeout=120_000)
    assert page.evaluate("document.body.dataset.kept") == "yes"
    assert page.evaluate("scrollY") > 0
    expect(page.locator("main details")).to_have_attribute("open", "")


def test_pages_say_that_the_store_is_away_and_come_back_by_themselves(
    browser: Browser, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "REFRESH_S", 0.5)
    outage = document.message_page(Site("test-1"), "The store cannot be read", "the server is away", is_live=True)
    context = browser.new_context(base_url=url)
    listing, report = context.new_page(), context.new_page()
    report.goto("/")
    context.route(f"{url}/**", lambda route: route.fulfill(status=503, content_type="text/html", body=outage))
    expect(report.locator(".notice")).to_have_text("the server is away", timeout=60_000)
    context.unroute_all()
    context.route(f"{url}/rollouts", lambda route: route.fulfill(status=503, content_type="text/html", body=outage))
    listing.goto("/rollouts")
    expect(listing.get_by_role("alert")).to_have_text("the server is away")
    context.unroute_all()
    expect(listing.locator(".row")).to_have_count(40, timeout=60_000)
    expect(report.locator(".notice")).to_be_hidden(timeout=60_000)
    context.close()


def test_a_reader_signs_in_with_the_token(browser: Browser, serve: ServeRun, run: RunFolder) -> None:
    context = browser.new_context(base_url=serve(run, TOKEN))
    page = context.new_page()
    page.goto("/rollouts?outcome=wrong")
    page.get_by_label("Token").fill("not the token of it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not the token")
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("20 rollouts, newest first.")
    assert TOKEN not in page.url
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")
    context.close()


def test_the_command_prints_its_url_and_ends_cleanly_on_ctrl_c(browser: Browser, run: RunFolder) -> None:
    program = "import sys; from cluster.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "report", "--serve", "--run", str(run.path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-4]
            page = browser.new_page()
            page.goto(f"{url}/rollouts")
            expect(page.locator(".row")).to_have_count(40)
            page.close()
            server.send_signal(signal.SIGINT)
            _, errors = server.communicate(timeout=60)
        finally:
            server.kill()
    assert (server.returncode, errors) == (0, "")
