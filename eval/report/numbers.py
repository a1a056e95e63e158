"""Numbers as the report prints them."""


def percent(share: float) -> str:
    """A share (0 to 1) in percent, such as `62.5 %`."""
    return f"{100 * share:.1f} %"


def time_unit(longest_s: float) -> tuple[str, str, float]:
    """The unit for times of up to `longest_s` seconds: (its name, its symbol, its length in seconds)."""
    if longest_s >= 2 * 3600:
        return "hours", "h", 3600.0
    return ("minutes", "min", 60.0) if longest_s >= 300 else ("seconds", "s", 1.0)


def duration(seconds: float) -> str:
    """A time in a unit that suits it, such as `4.2 h`; empty for none."""
    if seconds <= 0:
        return ""
    _, symbol, size_s = time_unit(seconds)
    return f"{seconds / size_s:.{0 if symbol == 's' else 1}f} {symbol}"
