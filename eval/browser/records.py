"""What the pages of the browser show, as plain records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.records import Problem, Rollout, RolloutCount, RolloutFilter, RolloutPage, RolloutSummary


@dataclass(frozen=True, slots=True)
class Site:
    """What each page says around its content: the run's name, and whether the reader signed in with a token."""

    run: str
    is_signed_in: bool = False


@dataclass(frozen=True, slots=True)
class Choices:
    """What a reader can filter by: policies with their origins, by version; iterations; sources of problems."""

    origins: Mapping[int, str]
    iterations: Sequence[int]
    sources: Sequence[str]

    def author(self, version: int | None) -> str:
        """What wrote a rollout, such as "v2, iteration 1"."""
        return "demonstration" if version is None else f"v{version}, {self.origins.get(version, 'unknown')}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of rollouts. `count` is None where counting would mean reading them: if a text is searched for.

    `is_upwards`: the page goes on from a place towards newer rollouts.
    """

    wanted: RolloutFilter
    page: RolloutPage
    count: RolloutCount | None
    choices: Choices
    is_upwards: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A few tokens of a rollout that decode to whole characters; mostly one token.

    `first` is the place of the first among the rollout's tokens. `logprob` [nats] is the sum of theirs, None where the
    policy did not write them or the number was not kept. `is_special`: a token such as the one that ends a rollout.
    """

    text: str
    first: int
    by_policy: bool
    logprob: float | None = None
    version: int | None = None
    is_special: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """A rollout to read. `pieces` are its tokens as text; without them, `no_pieces` says why."""

    summary: RolloutSummary
    rollout: Rollout
    author: str
    pieces: Sequence[Piece] = ()
    no_pieces: str | None = None


@dataclass(frozen=True, slots=True)
class RolloutView:
    """A rollout, beside another attempt at its problem if there is a second one.

    `others` are a few further attempts at the problem, those of other policies first. `newer` and `older` are the ids
    of the rollouts next to it among those that match `wanted`.
    """

    problem: Problem
    attempts: Sequence[Attempt]
    others: Sequence[RolloutSummary]
    choices: Choices
    wanted: RolloutFilter
    newer: str | None = None
    older: str | None = None


@dataclass(frozen=True, slots=True)
class ProblemView:
    """A problem with its newest attempts. `has_more`: there are older ones."""

    problem: Problem
    attempts: Sequence[RolloutSummary]
    has_more: bool
    choices: Choices
