"""The frame of a page that stands alone in a file: it may not load or run anything."""

from eval.report.markup import escape
from eval.report.style import CSS


def document(title: str, content: str) -> str:
    """A whole page. `content` is HTML, whose text from elsewhere is escaped already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)} - Automathes</title><style>{CSS}</style></head>"
        f"<body><main>{content}</main></body></html>\n"
    )
