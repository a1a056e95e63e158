"""Where Ray puts the ranks: decided by whoever builds the learner, since it knows the cluster and the other actors."""

from collections.abc import Sequence
from typing import Any, Protocol

from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy


class RankPlaces(Protocol):
    """The places of the ranks."""

    def strategy(self, rank: int) -> Any:
        """Ray's scheduling strategy for a rank."""
        ...

    def renew(self) -> None:
        """Find other places if those there are were lost. Called before new ranks are started."""
        ...

    def release(self) -> None:
        """Give the places up: the ranks have ended."""
        ...

    def waits_for(self, ranks: Sequence[Any]) -> str | None:
        """What the actors of the ranks wait for, if Ray has no room for them; None if it has."""
        ...


class AnyPlaces:
    """Wherever Ray has room."""

    def strategy(self, rank: int) -> Any:
        """Ray's default."""
        return "DEFAULT"

    def renew(self) -> None:
        """Nothing: Ray chooses again."""

    def release(self) -> None:
        """Nothing is reserved."""

    def waits_for(self, ranks: Sequence[Any]) -> str | None:
        """Not known."""
        return None


class BundlePlaces(AnyPlaces):
    """Bundles of a placement group that is not ours, one for each rank: Tune reserves one for each of its trials."""

    def __init__(self, group: Any, first: int) -> None:
        """`first` is the index of the bundle of rank 0."""
        self._group = group
        self._first = first

    def strategy(self, rank: int) -> Any:
        """The bundle of the rank."""
        return PlacementGroupSchedulingStrategy(self._group, placement_group_bundle_index=self._first + rank)
