"""What the pages of the browser show, collected from the store. Each page takes a bounded time and little memory."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from cluster.report.token_texts import TokensUnavailableError, TokenTexts
from eval.browser.query import Query
from eval.browser.records import Attempt, Choices, Listing, ProblemView, RolloutView
from store.errors import UnknownRecordError
from store.records import Outcome, Rollout, RolloutFilter, RolloutSummary
from store.store import Store

_PAGE = 50
_OTHERS = 200  # of which a few are shown of each policy and outcome
_OTHERS_ALIKE = 2
_ATTEMPTS = 500
_COUNT_S = 0.1
_NEIGHBOUR_S = 0.1  # for each of the two
_CHOICES_AGE_S = 20.0


class Views:
    """Collects what pages show. Every method raises `StoreError` if the store cannot be read."""

    def __init__(self, store: Store, tokens: TokenTexts, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._choices: Choices | None = None
        self._choices_at = 0.0

    def listing(self, query: Query) -> Listing:
        """A page of rollouts."""
        wanted = query.wanted
        page = self._store.rollouts.page(wanted, _PAGE, older_than=query.older_than, newer_than=query.newer_than)
        count = None if wanted.text is not None else self._store.rollouts.count(wanted, _COUNT_S)
        return Listing(wanted, page, count, self.choices(), is_upwards=query.newer_than is not None)

    def rollout(self, rollout_id: str, query: Query) -> RolloutView:
        """A rollout, beside another attempt at its problem if the query names one.

        Raises:
            UnknownRecordError: there is no such rollout, or the other one attempts another problem.
        """
        choices = self.choices()
        attempts = [self._attempt(rollout_id, choices)]
        first = attempts[0].summary
        if query.compared is not None and query.compared != rollout_id:
            attempts.append(self._attempt(query.compared, choices))
            if attempts[1].summary.problem_id != first.problem_id:
                raise UnknownRecordError(f"rollout {query.compared!r} is no attempt at the problem of {rollout_id!r}")
        others = self._store.rollouts.page(RolloutFilter(problem_id=first.problem_id), _OTHERS)
        shown = {attempt.rollout.id for attempt in attempts}
        return RolloutView(
            problem=self._store.problems.get(first.problem_id),
            attempts=attempts,
            others=_varied([one for one in others.rollouts if one.id not in shown], first.policy_version),
            choices=choices,
            wanted=query.wanted,
            newer=self._neighbour(query.wanted, newer_than=first.seq),
            older=self._neighbour(query.wanted, older_than=first.seq),
        )

    def problem(self, problem_id: str) -> ProblemView:
        """A problem with its attempts. Raises `UnknownRecordError` if there is none with this id."""
        problem = self._store.problems.get(problem_id)
        page = self._store.rollouts.page(RolloutFilter(problem_id=problem_id), _ATTEMPTS)
        return ProblemView(problem, page.rollouts, page.older is not None, self.choices())

    def choices(self) -> Choices:
        """What readers can filter by, read again after a few seconds."""
        if self._choices is None or self._clock() - self._choices_at > _CHOICES_AGE_S:
            origins = {policy.version: policy.origin for policy in self._store.policies.all()}
            iterations = [one.number for one in reversed(self._store.iterations.brief())]
            self._choices = Choices(origins, iterations, self._store.problems.some_sources())
            self._choices_at = self._clock()
        return self._choices

    def _attempt(self, rollout_id: str, choices: Choices) -> Attempt:
        summary = self._store.rollouts.summary(rollout_id)
        found = self._store.rollouts.by_id([rollout_id])
        if not found:
            raise UnknownRecordError(f"rollout {rollout_id!r} was pruned just now")
        (rollout,) = found
        author = choices.author(summary.policy_version)
        try:
            return Attempt(summary, rollout, author, self._tokens.pieces(rollout), _without_colours(rollout))
        except TokensUnavailableError as error:
            return Attempt(summary, rollout, author, no_pieces=str(error))

    def _neighbour(
        self, wanted: RolloutFilter, *, older_than: int | None = None, newer_than: int | None = None
    ) -> str | None:
        page = self._store.rollouts.page(wanted, 1, older_than=older_than, newer_than=newer_than, budget_s=_NEIGHBOUR_S)
        # Where there is no newer one, the page is the newest one, in which this rollout is itself.
        found = (one.id for one in page.rollouts if newer_than is None or one.seq > newer_than)
        return next(found, None)


def _varied(attempts: Sequence[RolloutSummary], version: int | None) -> list[RolloutSummary]:
    """A few attempts of each policy and outcome, newest first, and those of policies other than `version` before."""
    seen: Counter[tuple[int | None, Outcome]] = Counter()
    chosen = []
    for one in attempts:
        seen[one.policy_version, one.outcome] += 1
        if seen[one.policy_version, one.outcome] <= _OTHERS_ALIKE:
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.policy_version == version)


def _without_colours(rollout: Rollout) -> str | None:
    return None if rollout.logprobs is not None else "its log-probabilities were not kept"
