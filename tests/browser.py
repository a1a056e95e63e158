"""Debian's Chromium, driven by Playwright, for the tests of pages, and a watch on what a page does besides."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

MISSING = "no Chromium is installed (`apt-get install chromium`; .make/test-tools does it)"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser. Skips the test where there is none.

    Playwright occupies the thread's event loop until the end of the context: no async test can run meanwhile.
    """
    path = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of a module."""
    with chromium() as launched:
        yield launched


@contextmanager
def watched(page: Page, url: str, *, errors: bool = False) -> Iterator[Page]:
    """A page that must ask no other host than that of the URL, open no dialog, and log no error unless `errors`."""
    seen: list[str] = []
    host = urlsplit(url).netloc

    def on_request(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme != "data" and parts.netloc != host:
            seen.append(f"request to {address}")

    page.on("request", lambda request: on_request(request.url))
    page.on("dialog", lambda dialog: (seen.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: seen.append(f"error {error}"))
    page.on("popup", lambda popup: seen.append(f"popup {popup.url}"))
    if not errors:
        page.on("console", lambda message: seen.append(message.text) if message.type == "error" else None)
    yield page
    assert seen == []
