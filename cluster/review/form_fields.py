"""The fields of the forms, checked. Each raises `HTTPException` (400) for a value that no page sends."""

from starlette.exceptions import HTTPException

from store.records import ReviewOrder, ReviewVerdict

_MOST_NOTE_CHARS = 2_000
_LONGEST_PAGE = 64
_BY_BUTTON = ("accept", "reject", "unsure")


def page_in(form: dict[str, str]) -> str:
    """The page that sent a form."""
    page = form.get("page", "")
    if not (0 < len(page) <= _LONGEST_PAGE and page.isascii() and page.isprintable()):
        raise HTTPException(400, "The form names no page.")
    return page


def note_in(form: dict[str, str]) -> str:
    """The note in a form."""
    note = form.get("note", "").replace("\0", "\ufffd").strip()
    if len(note) > _MOST_NOTE_CHARS:
        raise HTTPException(400, f"A note has at most {_MOST_NOTE_CHARS:,} characters; this one has {len(note):,}.")
    return note


def order_in(form: dict[str, str]) -> ReviewOrder:
    """The order of the queue that the reviewer goes through."""
    try:
        return ReviewOrder(form.get("order", "value"))
    except ValueError:
        raise HTTPException(400, "The form names no order.") from None


def verdict_in(form: dict[str, str]) -> ReviewVerdict:
    """The decision in a form, unless it is an edited solution."""
    found = form.get("verdict", "")
    if found not in _BY_BUTTON:
        raise HTTPException(400, f"{found!r} is no decision: {', '.join(_BY_BUTTON)}")
    return ReviewVerdict(found)
