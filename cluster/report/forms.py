"""Forms that a page sends, within a limit of bytes, and addresses that lead to no other site."""

from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

_MOST_BYTES = 8_192


async def read_form(request: Request, most_bytes: int = _MOST_BYTES) -> dict[str, str]:
    """The first value of each field. Raises `HTTPException` (413) for a longer form."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most_bytes:
            raise HTTPException(413, f"the form has more than {most_bytes:,} bytes")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def own_url(url: str) -> str:
    """The URL if it is a path of this server, else that of the first page."""
    parts = urlsplit(url)
    is_own = url.startswith("/") and not (url.startswith(("//", "/\\")) or parts.scheme or parts.netloc)
    return url if is_own and url.isprintable() else "/"
