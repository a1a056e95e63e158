"""What a code block printed, as far as its syntax tree shows."""

from collections import Counter
from dataclasses import dataclass, field

_SHORTEST_FRAGMENT = 4


@dataclass(slots=True)
class Printed:
    """The typed part of a block's output.

    `lines` are typed lines. If `computes`, it may have printed computed values too, with the typed `fragments` around
    them. `compares`: one of those is the result of a comparison.
    """

    lines: Counter[str] = field(default_factory=Counter)
    fragments: set[str] = field(default_factory=set)
    computes: bool = False
    compares: bool = False

    def add_fragment(self, text: str) -> None:
        """Add a typed text that a computed value was printed with, if it could pass for an answer."""
        if len(text.strip()) >= _SHORTEST_FRAGMENT and any(character.isalpha() for character in text):
            self.fragments.add(text)

    def computed_part(self, output: str) -> str:
        """The output without what was typed."""
        if not self.computes:
            return ""
        left, rest = Counter(self.lines), []
        for line in output.split("\n"):
            if left[line.strip()] > 0:
                left[line.strip()] -= 1
            else:
                rest.append(line)
        computed = "\n".join(rest)
        for fragment in sorted(self.fragments, key=len, reverse=True):
            computed = computed.replace(fragment, " ")
        return computed
