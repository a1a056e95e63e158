"""The frame of every page: head, navigation, and the place of the content; and small pages without a run's data."""

import hashlib
from functools import cache
from importlib.resources import files

from eval.browser.records import Site
from eval.report.markup import escape
from eval.report.style import CSS

STYLE_URL, SCRIPT_URL = "/assets/browser.css", "/assets/browser.js"
REFRESH_S = 5
"""How often a live page asks whether there is something new, in seconds."""

_PAGES = (("/", "Report"), ("/rollouts", "Rollouts"))


@cache
def style() -> str:
    """The style sheet of all pages, that of the report included."""
    return CSS + files("eval.browser").joinpath("browser.css").read_text(encoding="utf-8")


@cache
def script() -> str:
    """The script of all pages. Everything but the refreshing, the keys and the numbers of tokens works without it."""
    return files("eval.browser").joinpath("browser.js").read_text(encoding="utf-8")


def document(site: Site, title: str, content: str, *, current: str = "", is_live: bool = False) -> str:
    """A page. `content` is HTML; `current` is the path of the page in the navigation that it belongs to."""
    links = "".join(_link(path, name, is_current=path == current) for path, name in _PAGES)
    sign_out = (
        '<form method="post" action="/sign-out"><button class="plain">Sign out</button></form>'
        if site.is_signed_in
        else ""
    )
    navigation = (
        f'<header class="bar"><nav aria-label="Pages"><span class="run">{escape(site.run)}</span>{links}</nav>'
        f"{sign_out}</header>"
    )
    return _frame(f"{title} - {site.run}", navigation, content, is_live=is_live)


def sign_in_page(next_url: str, problem: str | None) -> str:
    """The form that asks for the token. It names nothing of the run."""
    message = f'<p class="card alarm" role="alert">{escape(problem)}</p>' if problem else ""
    content = (
        f'<div class="narrow"><h1>Sign in</h1>{message}<p class="soft">This report needs the token of its server: '
        "that of <code>--token-file</code> or <code>$AUTOMATHES_TOKEN</code>.</p>"
        '<form class="card stack" method="post" action="/sign-in">'
        f'<input type="hidden" name="next" value="{escape(next_url)}">'
        '<label for="token">Token</label><input id="token" name="token" type="password" required autofocus '
        'autocomplete="current-password"><button>Sign in</button></form></div>'
    )
    return _frame("Sign in", "", content, is_live=False)


def message_page(site: Site, title: str, message: str, *, is_live: bool = False) -> str:
    """A page that says what is wrong. A live one comes back by itself."""
    hint = '<p class="soft small">This page tries again by itself.</p>' if is_live else ""
    content = (
        f'<div class="narrow"><h1>{escape(title)}</h1>'
        f'<p class="card alarm message" role="alert">{escape(message)}</p>{hint}</div>'
    )
    return document(site, title, content, is_live=is_live)


def _frame(title: str, navigation: str, content: str, *, is_live: bool) -> str:
    live = f' data-refresh-s="{REFRESH_S}"' if is_live else ""
    without_script = f'<noscript><meta http-equiv="refresh" content="{2 * REFRESH_S}"></noscript>' if is_live else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>{without_script}"
        f'<link rel="stylesheet" href="{_versioned(STYLE_URL, style())}">'
        f'<script src="{_versioned(SCRIPT_URL, script())}" defer></script>'
        '<link rel="icon" href="data:,"></head><body><a class="skip" href="#content">Skip to the content</a>'
        f'{navigation}<main id="content" tabindex="-1"{live}>{content}</main>'
        '<div class="notice" role="status" hidden></div></body></html>\n'
    )


def _link(path: str, name: str, *, is_current: bool) -> str:
    mark = ' aria-current="page"' if is_current else ""
    return f'<a href="{path}"{mark}>{name}</a>'


@cache
def _versioned(url: str, text: str) -> str:
    """The URL of an asset, which changes with its content, so that browsers can keep it for good."""
    return f"{url}?{hashlib.sha256(text.encode()).hexdigest()[:12]}"
