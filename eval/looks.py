"""Looks: a comparison that is undecided is looked at again with more problems, up to a budget."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Looks:
    """The numbers of problems at which two policies are compared, and how the probability of error is shared out.

    Who looks again until a test succeeds is wrong more often than each test. So the looks share the error: by the time
    of n of N problems, a share (n / N) ** 2 of it is spent (the power family of Kim and DeMets 1987). Early looks find
    only large differences, and the last one has most of the error left. The sum is a bound, however the looks depend on
    each other.
    """

    sizes: Sequence[int]

    @classmethod
    def plan(cls, first: int, budget: int) -> "Looks":
        """From `first` to `budget` problems, doubled each time; a small last step is part of the one before."""
        sizes = [min(first, budget)]
        while sizes[-1] < budget:
            doubled = 2 * sizes[-1]
            sizes.append(doubled if budget - doubled >= sizes[-1] else budget)
        return cls(tuple(sizes))

    def next(self, measured: int) -> int | None:
        """The next number of problems, None after the last."""
        return next((size for size in self.sizes if size > measured), None)

    def error(self, measured: int, total: float, *, is_last: bool) -> float:
        """The probability of error of the look at `measured` problems; the last look has what is left of the `total`.

        A look that was not planned has none, unless it is the last.
        """
        before = max((size for size in self.sizes if size < measured), default=0)
        spent = self._spent(before, total)
        if is_last:
            return total - spent
        return self._spent(measured, total) - spent if measured in self.sizes else 0.0

    def _spent(self, measured: int, total: float) -> float:
        return total * (measured / self.sizes[-1]) ** 2
