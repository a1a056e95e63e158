"""Long text, shortened."""


def cut_middle(text: str, limit_chars: int) -> str:
    """`text` with at most `limit_chars` of its own characters, a note of how many are missing in the middle."""
    if len(text) <= limit_chars:
        return text
    head = (limit_chars + 1) // 2
    tail = limit_chars - head
    missing = len(text) - limit_chars
    return f"{text[:head]}\n... {missing} characters left out ...\n{text[len(text) - tail :]}"
