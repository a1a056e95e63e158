"""The pages over HTTP: who may read them, what confines them, and what they answer when something is wrong."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cluster.config.run_folder import RunFolder
from cluster.report.app import make_app
from store.records import RolloutFilter

TOKEN = "a token of the tests"


@pytest.fixture(scope="module")
def client(run: RunFolder) -> Iterator[TestClient]:
    """A client on this machine, of a server without a token."""
    with make_app(run, run.read_config(), None, "127.0.0.1") as app:
        yield TestClient(app, base_url="http://127.0.0.1")


@pytest.fixture
def guarded(run: RunFolder) -> Iterator[TestClient]:
    """A client of a server with a token, which other machines reach."""
    with make_app(run, run.read_config(), TOKEN, "0.0.0.0") as app:
        yield TestClient(app, base_url="http://training-host", follow_redirects=False)


@pytest.mark.parametrize("path", ["/", "/rollouts", "/rollouts?outcome=x", "/nothing", "/assets/browser.js"])
def test_every_response_confines_what_it_shows(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_pages_have_neither_styles_nor_scripts_of_their_own(client: TestClient) -> None:
    newest = client.get("/rollouts").text.partition('class="main" href="')[2].partition('"')[0]
    for path in ("/", "/rollouts", newest, "/problems/p1", "/nothing"):
        page = client.get(path).text
        assert "<style" not in page
        assert " style=" not in page
        assert page.count("<script") == 1


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/rollouts?outcome=good", "outcome: &#x27;good&#x27; is none of accepted, wrong"),
        ("/rollouts?policy=-1", "policy: &#x27;-1&#x27; is not an integer"),
        ("/rollouts?text=a%00b", "text: it has a NUL character"),
        ("/rollouts?problem=" + "x" * 400, "problem: 400 characters"),
        ("/rollouts?older=1e5", "older: "),
    ],
)
def test_a_filter_that_cannot_be_understood_is_explained(client: TestClient, path: str, message: str) -> None:
    response = client.get(path)
    assert response.status_code == 400
    assert message in response.text


@pytest.mark.parametrize("path", ["/rollouts/9-9", "/problems/none", "/nothing", "/rollouts/1-0?with=9-9"])
def test_what_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_attempts_at_different_problems_are_not_compared(client: TestClient, run: RunFolder) -> None:
    with run.open_store(run.read_config()) as store:
        ids = {
            store.rollouts.page(RolloutFilter(problem_id=problem), 1).rollouts[0].id: problem
            for problem in ("p1", "p2")
        }
    one, other = ids
    response = client.get(f"/rollouts/{one}?with={other}")
    assert response.status_code == 404
    assert "no attempt at the problem of" in response.text


def test_a_filter_is_part_of_the_links_to_older_rollouts(client: TestClient) -> None:
    page = client.get("/rollouts?outcome=wrong&purpose=train").text
    assert "20 rollouts, newest first" in page
    assert 'value="wrong" selected' in page
    assert "?purpose=train&amp;outcome=wrong" in page


def test_an_unchanged_report_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/").headers["etag"]
    assert client.get("/", headers={"If-None-Match": tag}).status_code == 304


def test_without_a_token_only_names_of_this_machine_are_answered(client: TestClient) -> None:
    assert client.get("/rollouts", headers={"Host": "localhost:8268"}).status_code == 200
    assert client.get("/rollouts", headers={"Host": "[::1]:8268"}).status_code == 200
    assert client.get("/rollouts", headers={"Host": "rebound.example:8268"}).status_code == 421


def test_without_the_token_there_is_a_form_and_nothing_of_the_run(guarded: TestClient) -> None:
    response = guarded.get("/rollouts?text=secret")
    assert response.status_code == 401
    assert "test-1" not in response.text
    assert 'value="/rollouts?text=secret"' in response.text
    assert guarded.get("/health").status_code == 200
    assert guarded.get("/assets/browser.css").status_code == 200


def test_the_token_opens_a_session_that_leads_back(guarded: TestClient) -> None:
    response = guarded.post("/sign-in", data={"token": TOKEN, "next": "/rollouts?text=a"})
    assert (response.status_code, response.headers["location"]) == (303, "/rollouts?text=a")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert guarded.get("/rollouts").status_code == 200
    guarded.post("/sign-out")
    assert guarded.get("/rollouts").status_code == 401


@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\nb", "rollouts"])
def test_signing_in_leads_to_no_other_site(guarded: TestClient, place: str) -> None:
    response = guarded.post("/sign-in", data={"token": TOKEN, "next": place})
    assert response.headers["location"] == "/"


def test_a_wrong_token_opens_nothing(guarded: TestClient) -> None:
    response = guarded.post("/sign-in", data={"token": "a guess at the token"})
    assert response.status_code == 401
    assert "set-cookie" not in response.headers
    assert "not the token" in response.text


def test_programs_show_the_token_in_a_header(guarded: TestClient) -> None:
    assert guarded.get("/rollouts", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert guarded.get("/rollouts", headers={"Authorization": "Bearer another token"}).status_code == 401


def test_without_a_tokenizer_the_text_is_shown_and_why_it_has_no_colours(run: RunFolder, tmp_path: Path) -> None:
    moved = RunFolder(tmp_path / "moved")
    shutil.copytree(run.path, moved.path)
    shutil.rmtree(moved.path / "policies")
    with make_app(moved, moved.read_config(), None, "127.0.0.1") as app:
        client = TestClient(app, base_url="http://127.0.0.1")
        page = client.get("/rollouts").text.partition('class="main" href="')[2].partition('"')[0]
        text = client.get(page).text
    assert "No colours: no folder of a policy with a tokenizer.json is left" in text
    assert "<pre><code>print(6 * 7)" in text
