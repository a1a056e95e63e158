"""The pages over HTTP: who may review, what confines the pages, and what is answered to requests that no page sends."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.testclient import TestClient

from cluster.config.run_folder import RunFolder
from cluster.config.token import TokenDigest
from cluster.review.app import make_app
from cluster.review.identity import Admission, Identities
from store.records import ReviewQueue

from .conftest import SETTINGS

TOKEN, OTHER = "a token of the tests", "another token of the tests"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}

type Connect = Callable[..., TestClient]


@pytest.fixture
def connect(run: RunFolder) -> Iterator[Connect]:
    """Clients of a server of the run, whose background work does not run."""
    with ExitStack() as stack:

        def start(host: str = "127.0.0.1", **admission: Any) -> TestClient:
            config = run.read_config()
            app = stack.enter_context(make_app(run, config, Admission(**admission), host, SETTINGS))
            name = "127.0.0.1" if host == "127.0.0.1" else "training-host"
            return TestClient(app, base_url=f"http://{name}", follow_redirects=False, headers=SAME_SITE)

        yield start


def item_in(run: RunFolder, queue: ReviewQueue) -> int:
    with run.open_store(run.read_config()) as store:
        return next(one.item.id for one in store.reviews.export() if one.item.queue is queue)


def test_every_response_confines_what_it_shows(connect: Connect) -> None:
    client = connect(default_name="ada")
    for path in ("/", "/next?queue=checks", "/items/1?page=x", "/nothing", "/items/99", "/assets/review.js"):
        response = client.get(path)
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "<style" not in response.text
        assert " style=" not in response.text
        assert response.text.count("<script") in (0, 2)


def test_what_pages_refer_to_is_there(connect: Connect) -> None:
    client = connect(default_name="ada")
    for name in ("review.css", "review.js", "htmx/htmx.min.js", "htmx/LICENSE"):
        assert client.get(f"/assets/{name}").status_code == 200
    assert client.get("/assets/../identity.py").status_code == 404
    assert client.get("/health").text == "ok\n"


def test_without_a_token_only_names_of_this_machine_are_answered(connect: Connect) -> None:
    client = connect()
    assert client.get("/sign-in").status_code == 200
    assert client.get("/sign-in", headers={"Host": "rebound.example:8269"}).status_code == 421


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}]
)
def test_another_site_cannot_decide(connect: Connect, run: RunFolder, headers: dict[str, str]) -> None:
    client = connect(default_name="ada")
    if "Origin" in headers:
        del client.headers["Sec-Fetch-Site"]
    item = item_in(run, ReviewQueue.CHECKS)
    form = {"page": "p", "verdict": "accept", "order": "value"}
    assert client.post(f"/items/{item}/decide", data=form, headers=headers).status_code == 403
    assert client.post(f"/items/{item}/decide", data=form).status_code == 303


def test_a_name_is_asked_for_before_anything_else(connect: Connect) -> None:
    client = connect()
    response = client.get("/items/1?page=x")
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in?next=%2Fitems%2F1%3Fpage%3Dx")
    assert client.post("/sign-in", data={"name": " \u200b "}).status_code == 401
    response = client.post("/sign-in", data={"name": " Ada  L. ", "next": "/history"})
    assert (response.status_code, response.headers["location"]) == (303, "/history")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Ada L." in client.get("/").text
    assert client.post("/sign-in", data={"name": "a", "next": "//evil.example"}).headers["location"] == "/"
    client.post("/sign-out")
    assert client.get("/").status_code == 303


def test_a_script_whose_session_ended_is_sent_to_the_form(connect: Connect) -> None:
    response = connect().post("/undo", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["hx-redirect"]) == (204, "/sign-in?next=%2F")


def test_a_token_for_all_is_needed_beside_a_name(connect: Connect) -> None:
    client = connect("0.0.0.0", token=TOKEN)
    assert "test-1" not in client.get("/sign-in").text
    assert client.post("/sign-in", data={"name": "ada", "token": "a guess"}).status_code == 401
    assert client.get("/").status_code == 303
    assert client.post("/sign-in", data={"name": "ada", "token": TOKEN}).status_code == 303
    assert "test-1" in client.get("/").text


def test_each_reviewer_has_the_name_of_their_token(connect: Connect) -> None:
    client = connect("0.0.0.0", reviewers={"ada": TokenDigest.of(TOKEN), "bob": TokenDigest.of(OTHER)})
    assert 'name="name"' not in client.get("/sign-in").text
    assert client.post("/sign-in", data={"name": "ada", "token": "a guess"}).status_code == 401
    client.post("/sign-in", data={"name": "ada", "token": OTHER})
    assert ">bob<" in client.get("/").text.replace('<span class="hidden">You review as </span>', ">")


def test_a_session_ends_and_cannot_be_made_up() -> None:
    now = 1000.0
    identities = Identities(Admission(token=TOKEN), lambda: now)
    session = identities.new_session("ada")
    assert identities.reviewer(session) == "ada"
    content, _, signature = session.rpartition(".")
    for forged in ("", "x", f"9{session}", f"{content}x.{signature}", f"{content}.{hashlib.sha256(b'').hexdigest()}"):
        assert identities.reviewer(forged) is None
    assert Identities(Admission(token=OTHER), lambda: now).reviewer(session) is None
    now += 13 * 3600
    assert identities.reviewer(session) is None


def test_who_is_no_reviewer_any_more_has_no_session() -> None:
    both = {"ada": TokenDigest.of(TOKEN), "bob": TokenDigest.of(OTHER)}
    session = Identities(Admission(reviewers=both)).new_session("bob")
    assert Identities(Admission(reviewers=both)).reviewer(session) == "bob"
    assert Identities(Admission(reviewers={"ada": both["ada"]})).reviewer(session) is None


def test_without_scripts_a_decision_leads_to_the_next_item(connect: Connect, run: RunFolder) -> None:
    client = connect(default_name="ada")
    first = client.get("/next?queue=checks").headers["location"]
    page = first.rpartition("page=")[2]
    item = first.removeprefix("/items/").partition("?")[0]
    form = {"page": page, "verdict": "accept", "order": "value", "note": "seen"}
    response = client.post(f"/items/{item}/decide", data=form)
    assert response.status_code == 303
    assert response.headers["location"].partition("?")[0] not in ("/", first.partition("?")[0])
    shown = client.get(first)
    assert "You decided: <b>accepted</b>" in shown.text
    assert client.post("/undo", data={}).headers["location"].startswith(f"/items/{item}?")
    assert client.post("/undo", data={}).status_code == 409


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"page": "p", "verdict": "edit"}, "is no decision"),
        ({"page": "p", "verdict": "undo"}, "is no decision"),
        ({"page": "p"}, "is no decision"),
        ({"page": "p" * 65, "verdict": "accept"}, "names no page"),
        ({"page": "p", "verdict": "accept", "note": "x" * 2001}, "at most 2,000 characters"),
        ({"page": "p", "verdict": "accept", "order": "size"}, "names no order"),
    ],
)
def test_forms_that_no_page_sends_are_explained(
    connect: Connect, run: RunFolder, form: dict[str, str], message: str
) -> None:
    client = connect(default_name="ada")
    response = client.post(f"/items/{item_in(run, ReviewQueue.CHECKS)}/decide", data=form)
    assert response.status_code == 400
    assert message in response.text


def test_a_large_form_is_refused(connect: Connect) -> None:
    client = connect(default_name="ada")
    assert client.post("/items/1/run", data={"text": "x" * 500_000}).status_code == 413


def test_labels_are_not_edited(connect: Connect, run: RunFolder) -> None:
    client = connect(default_name="ada")
    label = item_in(run, ReviewQueue.LABELS)
    response = client.get(f"/items/{label}/editor?page=p")
    assert (response.status_code, "Only solutions can be edited" in response.text) == (400, True)
