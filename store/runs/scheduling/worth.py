"""What an attempt at each training problem is worth: estimated by one query from the counters of the problems.

The worth is the expected number of new solutions, weighted by how much they teach, for what an attempt costs. A
problem's own attempts are combined with those at similar problems (the same source, subject and level) by shrinkage:
what is known of a group counts as an attempt at each of its problems, and what is known of a source as a few at each
of its groups.

Attempts are counted in thousandths and all sums are of integers, so that both databases compute the same numbers.
"""

from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from store.problems.queries import ORDER_MODULUS, order_map

HALF_LIFE = 3
"""Iterations after which an attempt counts half, since the policy has improved; after nine it counts a quarter. So
hopeless problems are tried again, ever more rarely."""

GROUP_ATTEMPTS = 1.0
"""What is known of similar problems counts as this many attempts at a problem. Problems of one source differ much: most
are solved nearly always or hardly ever, so a problem's own attempts soon count more."""

SOURCE_ATTEMPTS = 8.0
"""What is known of a source counts as this many attempts at a group of its problems, and what is known of all sources
as this many at a source. Before anything is known, half of the attempts are expected to succeed, and half of the
further solutions of a problem to be new."""

LEAST = 0.1
"""The worth of an attempt that is expected to yield nothing. The first solution of a problem that is hardly ever solved
is worth 1."""

EASY = 0.5
"""The worth of the first solution of a problem that is always solved."""

FURTHER = 0.5
"""How fast further solutions of a problem lose worth: the k-th is worth 1 / (1 + FURTHER * (k - 1)) of the first."""

FIXED = 0.5
"""The part of the mean attempt's cost that does not depend on its length, such as the prompt and the session."""

ENOUGH_FOR_A_VERDICT = 32
"""Attempts after which a problem without a single verdict is expected to get none."""

UNIT = 1000
"""Attempts are counted in parts of this many."""


class Worth(NamedTuple):
    """What an attempt at a problem is worth in an iteration.

    `pass_rate` is the probability that it is accepted, based on `evidence` attempts at the problem and on similar
    problems; `new_rate` that an accepted one is a further solution, if one is known. `known` solutions are stored,
    demonstrations included; `pending` attempts are under way. `tokens` is the expected length in units of the mean
    length. `weight` is the worth by cost, and `draw` a random number in [0, 1).
    """

    problem_id: str
    pass_rate: float
    evidence: float
    new_rate: float
    known: int
    pending: int
    tokens: float
    weight: float
    draw: float

    @property
    def cost(self) -> float:
        """The cost of an attempt in units of the mean cost."""
        return FIXED + (1 - FIXED) * self.tokens


def find_best(session: Session, iteration: int, seed: int, limit: int) -> list[Worth]:
    """The training problems in the order of a random number divided by the fourth power of the weight.

    With the weight itself it would be sequential Poisson sampling (Ohlsson 1998). The power prefers what is worth most,
    and still everything is attempted now and then.
    """
    query = f"{_query()} ORDER BY draw / (weight * weight * weight * weight), problem_id LIMIT :limit"
    return _read(session, query, iteration, seed, {"limit": limit})


def find_worth(session: Session, iteration: int, problem_id: str) -> Worth | None:
    """What an attempt at one problem is worth, or None if it is no training problem."""
    return next(iter(_read(session, _query("AND id = :problem_id"), iteration, 0, {"problem_id": problem_id})), None)


def mean_weight(session: Session, iteration: int) -> float:
    """The mean weight of all training problems."""
    query = f"SELECT AVG(weight) FROM ({_query()}) AS every"  # noqa: S608
    _plan(session)
    return session.scalar(text(query), _parameters(iteration, 0)) or 0.0


def aged(count: str, stale: str) -> str:
    """SQL of a counter as it counts in the iteration `:iteration`, in units. `stale` units no longer counted before."""
    fresh = f"(CAST({count} AS BIGINT) * {UNIT} - {stale})"
    age = "(CASE WHEN last_iteration < :iteration THEN CAST(:iteration AS BIGINT) - last_iteration ELSE 0 END)"
    return f"(CASE WHEN {fresh} > 0 THEN {fresh} * {HALF_LIFE} / ({HALF_LIFE} + {age}) ELSE 0 END)"


def _read(session: Session, query: str, iteration: int, seed: int, more: dict[str, Any]) -> list[Worth]:
    _plan(session)
    return [Worth._make(row) for row in session.execute(text(query), _parameters(iteration, seed) | more)]


def _plan(session: Session) -> None:
    """Keep PostgreSQL, in this transaction, from compiling the query, which takes longer than to run it."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL jit = off"))
        session.execute(text("SET LOCAL work_mem = '64MB'"))  # to sort millions of problems in memory


def _parameters(iteration: int, seed: int) -> dict[str, Any]:
    factor, shift = order_map(seed)
    return {"iteration": iteration, "factor": factor, "shift": shift, "modulus": ORDER_MODULUS}


def _query(condition: str = "") -> str:
    """SQL of `Worth` for the training problems that meet a condition.

    Estimates are materialized, or each would be computed again wherever it is used.
    """
    return f"""
WITH {_RATES},
estimated AS MATERIALIZED (
    SELECT id AS problem_id, {_own("won", "seen", UNIT, "pass_rate")} AS pass_rate,
        CAST(seen AS DOUBLE PRECISION) / {UNIT} AS evidence,
        {_own("further", "again", 1, "new_rate")} AS new_rate, known, COALESCE(pending.attempts, 0) AS pending,
        {_own("judged_tokens", "judged", 1, "tokens")} / overall.tokens AS tokens,
        judged = 0 AND problem.attempts >= {ENOUGH_FOR_A_VERDICT} AS unread,
        (shuffle_key * CAST(:factor AS BIGINT) + :shift) % :modulus / CAST(:modulus AS DOUBLE PRECISION) AS draw
    FROM ({_counted(condition)}) AS problem
    CROSS JOIN overall
    LEFT JOIN source_rates ON source_rates.source = problem.source
    LEFT JOIN group_rates ON group_rates.source = problem.source AND group_rates.subject = problem.subject
        AND group_rates.level = problem.level
    LEFT JOIN pending ON pending.problem_id = problem.id
),
weighted AS MATERIALIZED (
    SELECT estimated.*, (CASE WHEN unread THEN {LEAST} ELSE {LEAST} + {1 - LEAST} * {_VALUE} END) / {_COST} AS weight
    FROM estimated
)
SELECT problem_id, pass_rate, evidence, new_rate, known, pending, tokens, weight, draw FROM weighted"""  # noqa: S608


def _counted(condition: str) -> str:
    """SQL of the counters of the training problems that meet a condition, as they count in the iteration."""
    first = "(CASE WHEN demonstrations = 0 AND solutions > 0 THEN 1 ELSE 0 END)"
    return f"""
    SELECT id, source, subject, level, shuffle_key, attempts, judged, judged_tokens, known, again, further, seen,
        (CASE WHEN won < seen THEN won ELSE seen END) AS won
    FROM (
        SELECT id, source, COALESCE(subject, '') AS subject, COALESCE(level, '') AS level, shuffle_key, attempts,
            judged, judged_tokens, solutions + demonstrations AS known, accepted - {first} AS again,
            solutions - {first} AS further, {aged("judged", "stale_judged")} AS seen,
            {aged("accepted", "stale_accepted")} AS won
        FROM problems WHERE split = 'train' {condition}
    ) AS aged"""  # noqa: S608


def _own(part: str, whole: str, unit: int, rate: str) -> str:
    """SQL of a rate of a problem, shrunk towards that of its group, of its source, or of all, as far as they exist."""
    prior = f"COALESCE(group_rates.{rate}, source_rates.{rate}, overall.{rate})"
    return f"(problem.{part} + {GROUP_ATTEMPTS * unit} * {prior}) / (problem.{whole} + {GROUP_ATTEMPTS * unit})"


def _rates(counts: str, prior: str) -> str:
    """SQL of the rates of groups or sources, shrunk towards those of a larger set."""
    return ", ".join(
        f"({counts}.{part} + {SOURCE_ATTEMPTS * unit} * {prior}.{rate})"
        f" / ({counts}.{whole} + {SOURCE_ATTEMPTS * unit}) AS {rate}"
        for part, whole, unit, rate in (
            ("won", "seen", UNIT, "pass_rate"),
            ("further", "again", 1, "new_rate"),
            ("judged_tokens", "judged", 1, "tokens"),
        )
    )


_SUMS = ", ".join(
    f"CAST(SUM({name}) AS BIGINT) AS {name}" for name in ("seen", "won", "again", "further", "judged", "judged_tokens")
)
_HALF = 0.5 * SOURCE_ATTEMPTS
_RATES = f"""
groups AS (
    SELECT source, subject, level, {_SUMS} FROM ({_counted("AND attempts > 0")}) AS tried
    GROUP BY source, subject, level
),
sources AS (SELECT source, {_SUMS} FROM groups GROUP BY source),
overall AS (
    SELECT CAST(COALESCE(SUM(won), 0) + {_HALF * UNIT} AS DOUBLE PRECISION)
            / (COALESCE(SUM(seen), 0) + {SOURCE_ATTEMPTS * UNIT}) AS pass_rate,
        CAST(COALESCE(SUM(further), 0) + {_HALF} AS DOUBLE PRECISION)
            / (COALESCE(SUM(again), 0) + {SOURCE_ATTEMPTS}) AS new_rate,
        CAST(COALESCE(SUM(judged_tokens), 0) + 1 AS DOUBLE PRECISION) / (COALESCE(SUM(judged), 0) + 1) AS tokens
    FROM sources
),
source_rates AS (SELECT source, {_rates("sources", "overall")} FROM sources CROSS JOIN overall),
group_rates AS (
    SELECT groups.source, groups.subject, groups.level, {_rates("groups", "source_rates")}
    FROM groups JOIN source_rates ON source_rates.source = groups.source
),
pending AS (
    SELECT problem_id, CAST(SUM(samples - done) AS BIGINT) AS attempts FROM assignments
    WHERE purpose = 'train' AND completed_at IS NULL GROUP BY problem_id
)"""  # noqa: S608
_COST = f"({FIXED} + {1 - FIXED} * tokens)"
_TEACHES = f"({EASY} + {1 - EASY} * (1 - pass_rate))"
_VALUE = f"pass_rate * {_TEACHES} * (CASE WHEN known = 0 THEN 1 ELSE new_rate END) "
_VALUE += f" / (1 + {FURTHER} * (known + pending * pass_rate))"
