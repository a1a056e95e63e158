"""Pages from templates. Every value is escaped, and what would be invisible in it is made visible."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cluster.review.words import KINDS, ORDERS, QUEUES, REASONS, VERDICTS
from eval.browser.document import style
from eval.browser.labels import OUTCOME_NAMES, seconds_text, time_text
from eval.report.markup import shorten, visible

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
_FILES = {"review.js": "text/javascript", "htmx/htmx.min.js": "text/javascript", "htmx/LICENSE": "text/plain"}
_STYLE = "review.css"
_MOST_CHARS = 100_000
_HTMX = {
    "allowEval": False,
    "allowScriptTags": False,
    "historyCacheSize": 0,  # it would keep pages in the browser's storage
    "includeIndicatorStyles": False,
    "refreshOnHistoryMiss": True,
    "selfRequestsOnly": True,
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "[45]..", "swap": True, "error": True, "target": "#notices", "swapOverride": "innerHTML"},
    ],
}
"""How htmx works under a policy without inline styles and evaluated code. Errors are shown beside the page."""


def _shown(value: Any) -> Any:
    """What a template prints: texts without invisible characters and not too long, markup of our own as it is."""
    return visible(shorten(value, _MOST_CHARS)) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"seconds": seconds_text, "time": time_text}
    environment.globals |= {
        "asset": asset_url,
        "current": "",
        "htmx_config": json.dumps(_HTMX),
        "kinds": KINDS,
        "orders": ORDERS,
        "outcomes": OUTCOME_NAMES,
        "queues": QUEUES,
        "reasons": REASONS,
        "verdicts": VERDICTS,
    }
    return environment


def render(template: str, **values: Any) -> str:
    """A page or a part of one."""
    return _environment().get_template(template).render(**values)


@cache
def assets() -> dict[str, tuple[bytes, str]]:
    """The files of the pages, by name: (content, media type). The style is that of the report, and what is added."""
    found = {name: ((_STATIC / name).read_bytes(), media_type) for name, media_type in _FILES.items()}
    found[_STYLE] = ((style() + (_STATIC / _STYLE).read_text(encoding="utf-8")).encode(), "text/css")
    return found


@cache
def asset_url(name: str) -> str:
    """The URL of a file, which changes with its content, so that browsers can keep it for good."""
    content, _ = assets()[name]
    return f"/assets/{name}?{hashlib.sha256(content).hexdigest()[:12]}"
