"""Rollouts: one attempt at a problem, with its parts, its outcome and what it was sampled with."""

from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """The purpose of a rollout. Only `train` and `demonstration` rollouts can be selected for training."""

    TRAIN = "train"
    EVAL = "eval"
    DEMONSTRATION = "demonstration"


class Outcome(StrEnum):
    """The outcome of a rollout.

    `repetitive` and `unparsable` were ended early: the policy repeated itself, or wrote code that does not parse twice
    in a row. `undecided`: the comparison with the reference reached no verdict. `unverifiable`: the reference itself
    cannot be read. `fault` is a failure of our own. None of these three counts for or against the policy in training;
    `eval.metrics` says how an evaluation counts them.
    """

    ACCEPTED = "accepted"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    TRUNCATED = "truncated"
    REPETITIVE = "repetitive"
    UNPARSABLE = "unparsable"
    UNDECIDED = "undecided"
    UNVERIFIABLE = "unverifiable"
    FAULT = "fault"


class FaultKind(StrEnum):
    """The part that failed in a rollout whose outcome is `fault`."""

    SANDBOX = "sandbox"
    CHECKER = "checker"
    ENGINE = "engine"


class Support(StrEnum):
    """Whether the answer of an accepted rollout follows from what its code printed."""

    SUPPORTED = "supported"
    UNSUPPORTED = "unsupported"
    NO_CODE = "no_code"


class Pool(StrEnum):
    """A problem's distinct rollouts that can be trained on: accepted, rejected, or written by a teacher."""

    SOLUTION = "solution"
    MISTAKE = "mistake"
    DEMONSTRATION = "demonstration"


class SegmentKind(StrEnum):
    """The kind of a part of a solution: prose, a code block, the interpreter's output, the final answer."""

    TEXT = "text"
    CODE = "code"
    OUTPUT = "output"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a solution, in the order in which the model saw it."""

    kind: SegmentKind
    text: str


@dataclass(frozen=True, slots=True)
class PolicySpan:
    """Tokens `[start, end)` of a rollout's `token_ids` were sampled from policy `version`."""

    version: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    """The result of one code block. `status` is a value of `sandbox.execution.Status`."""

    status: str
    source: str
    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Rollout:
    """One attempt at a problem, exactly as the policy saw it.

    `token_ids` is everything after the prompt, interpreter output included. `model_mask` has one flag per token: True
    if the policy wrote it. The loss covers only those tokens. `seed` is the sampling seed, if one was set. `fault` is
    set if the outcome is `fault`. `support`, and `support_rule` which names the rule that decided it, are set for
    accepted rollouts, except those written before support was judged.

    `logprobs` has a number [nats] for each token of `token_ids`: that of a token that the policy wrote, under the
    distribution that it was sampled from, with temperature and top-p applied; NaN for all others. `generate_s`,
    `execute_s` and `check_s` are the parts of `seconds` spent in engine, sandbox and checker. `lag` is set by the
    store: the number of iterations between the oldest policy of the rollout and the one that the training of its
    iteration starts from. What an earlier version did not keep is None.
    """

    id: str
    problem_id: str
    purpose: Purpose
    outcome: Outcome
    solution_format: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    model_mask: tuple[bool, ...]
    spans: tuple[PolicySpan, ...] = ()
    segments: tuple[Segment, ...] = ()
    executions: tuple[ExecutionRecord, ...] = ()
    answer: str | None = None
    assignment_id: int | None = None
    seconds: float = 0.0
    seed: int | None = None
    fault: FaultKind | None = None
    support: Support | None = None
    support_rule: str | None = None
    logprobs: tuple[float, ...] | None = None
    temperature: float | None = None
    top_p: float | None = None
    engine_build: str | None = None
    generate_s: float | None = None
    execute_s: float | None = None
    check_s: float | None = None
    lag: int | None = None
