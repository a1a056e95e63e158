"""The page and feedback on a real server: a real policy solves, and what is said of it can become a problem."""

from typing import Any

import httpx
import openai
import pytest
from playwright.sync_api import Browser, expect

from cluster.config.run_folder import RunFolder
from store.records import CollectedCompletion
from tests.browser import browser, watched

from .server import FIRST, HEADERS, QUESTION, TOKEN

__all__ = ["browser"]


def collected(run: RunFolder) -> list[CollectedCompletion]:
    with run.open_store(run.read_config()) as store:
        return store.feedback.collected()


def test_a_question_is_solved_and_rated_in_the_browser(browser: Browser, url: str, run: RunFolder) -> None:
    page = browser.new_page()
    page.set_default_timeout(120_000)
    expect.set_options(timeout=120_000)
    root = url.removesuffix("v1")
    with watched(page, root, errors=True):
        page.goto(root)
        page.get_by_label("Token", exact=True).fill(TOKEN)
        page.get_by_label("Token", exact=True).press("Enter")
        expect(page.locator("#model option").first).to_have_text("arithmetic-1, now version 1")
        page.get_by_label("Problem").fill(QUESTION)
        page.get_by_label("Problem").press("Control+Enter")
        expect(page.locator(".answer")).to_have_text("Answer 42")
        assert page.locator(".code .content").inner_text() == "print(6*7)"
        assert page.locator(".output .content").inner_text() == "42"
        page.get_by_role("button", name="Correct").click()
        expect(page.get_by_text("Saved")).to_be_visible()
    page.close()

    (found,) = [one for one in collected(run) if one.completion.answers[0].rating == 1]
    assert found.completion.answers[0].content == FIRST
    assert found.completion.proposed_answer == "42"


@pytest.mark.parametrize("stream", [False, True])
def test_completions_are_kept_unless_a_request_says_otherwise(
    client: openai.OpenAI, url: str, run: RunFolder, stream: bool
) -> None:
    def ask(**changes: Any) -> str:
        arguments: dict[str, Any] = {"messages": [{"role": "user", "content": QUESTION}], "stream": stream}
        reply = client.chat.completions.create(model="automathes/arithmetic-1", user="ada", **arguments, **changes)
        return [chunk.id for chunk in reply][-1] if stream else reply.id

    kept, kept_out = ask(n=2, temperature=0.5, seed=3, top_p=1), ask(store=False)
    with httpx.Client(base_url=url, headers=HEADERS) as asked:
        rating = {"id": kept, "choice": 1, "rating": -1, "answer": "43"}
        assert asked.post("/feedback", json=rating).status_code == 200
        assert asked.post("/feedback", json=rating | {"id": kept_out}).status_code == 404
        assert asked.post("/feedback", json=rating, headers={"Authorization": ""}).status_code == 401

    by_id = {one.completion.id: one.completion for one in collected(run)}
    assert kept_out not in by_id
    found = by_id[kept]
    assert (found.sampling["temperature"], found.sampling["seed"], found.model) == (
        0.5,
        3,
        "automathes/arithmetic-1@v1",
    )
    assert [answer.rating for answer in found.answers] == [None, -1]
    assert found.proposed_answer == "43"
    assert "ada" not in str(found)
