"""Shortens long text."""


def cut_middle(text: str, limit_chars: int) -> str:
    """Keep at most `limit_chars` of the characters of `text`, with a note in the middle of how many are missing."""
    if len(text) <= limit_chars:
        return text
    head = (limit_chars + 1) // 2
    tail = limit_chars - head
    missing = len(text) - limit_chars
    return f"{text[:head]}\n... {missing} characters left out ...\n{text[len(text) - tail :]}"
