"""The records that cross process boundaries, separate from the database rows that store them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

_NOT_TEXT = re.compile("[\0\ud800-\udfff]")


class Split(StrEnum):
    """The split of a problem. Only `train` problems are trained on.

    A training problem becomes `excluded` when a near-duplicate of it is imported as held out.
    """

    TRAIN = "train"
    HELDOUT = "heldout"
    EXCLUDED = "excluded"


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


class Decision(StrEnum):
    """The decision on the promotion of a policy."""

    PROMOTED = "promoted"
    NOT_PROMOTED = "not_promoted"


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


class ExclusionKind(StrEnum):
    """The reason for which a problem is not trained on.

    `near_duplicate`: its question has the words of a held-out one, or nearly. `template_twin`: it has them with other
    numbers or names.
    """

    NEAR_DUPLICATE = "near_duplicate"
    TEMPLATE_TWIN = "template_twin"


class ReviewStatus(StrEnum):
    """The status of a proposed correction."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class SegmentKind(StrEnum):
    """The kind of a part of a solution: prose, a code block, the interpreter's output, the final answer."""

    TEXT = "text"
    CODE = "code"
    OUTPUT = "output"
    ANSWER = "answer"


type TemplateTwins = Literal["leave_out", "train"]
"""What becomes of a training problem that is a template twin of a held-out one."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its reference answer.

    `split_key` determines the split and identifies duplicates: problems with the same key are the same problem. It is
    the task and its sorted operands for generated arithmetic, so that 3*7 and 7*3 share a split, else a hash of the
    normalised question. If several answers are accepted, each is a line of `answer`. `template_twins` "train": not
    compared by its template with the problems of the other split; None is "leave_out".
    """

    id: str
    question: str
    answer: str
    source: str
    split: Split
    split_key: str
    subject: str | None = None
    level: str | None = None
    template_twins: TemplateTwins | None = None

    @property
    def accepted_answers(self) -> tuple[str, ...]:
        """The accepted answers, any of which is correct."""
        return accepted_answers(self.answer)


def accepted_answers(label: str) -> tuple[str, ...]:
    """The answers that a label accepts: its lines."""
    return tuple(line.strip() for line in label.split("\n") if line.strip())


def is_text(text: str) -> bool:
    """Whether databases and tokenizers accept the string: it has no NUL and no unpaired surrogate."""
    return _NOT_TEXT.search(text) is None


def make_label(answers: Iterable[str]) -> str:
    """The label that accepts these answers. Whitespace within an answer becomes single spaces."""
    return "\n".join(" ".join(answer.split()) for answer in answers)


class SkippedRow(NamedTuple):
    """A row that was not imported: its position with the reason, and whether the reason is that it has no answer."""

    text: str
    no_answer: bool


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Counts of an import. Of `read` problems, `train` and `heldout` are new.

    `known` were in the store already or came twice. `left_out` are duplicates or near-duplicates of a held-out
    problem or, for `twins` of them, its template twins. `skipped` lists the rows that are not problems, each with its
    position and the reason.

    `withdrawn` are stored training problems that are no longer trained on: a new held-out problem is the same (they
    become held out), a near-duplicate or, for `withdrawn_twins` of them, a template twin (they become excluded). Some
    policy was trained on `learned` of them.

    `no_answers` are those of the skipped rows whose label is no answer, such as "proof". `unreadable` are the problems
    whose label the answer checker cannot read; whoever imports checks that.
    """

    read: int
    train: int
    heldout: int
    known: int
    left_out: int
    skipped: tuple[str, ...] = ()
    withdrawn: int = 0
    learned: int = 0
    twins: int = 0
    withdrawn_twins: int = 0
    no_answers: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def added(self) -> int:
        """The number of new problems in both splits."""
        return self.train + self.heldout


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A problem that is not trained on because it is similar to a held-out one.

    `similarity` is that of the questions, of their templates for a template twin; 1: the same words.
    """

    question: str
    answer: str
    source: str
    heldout_id: str
    similarity: float
    kind: ExclusionKind = ExclusionKind.NEAR_DUPLICATE


@dataclass(frozen=True, slots=True)
class LabelChange:
    """One entry of a problem's label history. `review_id` is the review that led to it, if any."""

    problem_id: str
    old_answer: str
    new_answer: str
    changed_by: str
    reason: str
    changed_at: float
    review_id: int | None = None


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


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters of an assignment. `temperature` 0 is greedy; `seed` applies to a single attempt."""

    temperature: float = 0.8
    top_p: float = 1.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A unit of leased work: attempt `problem` once for each of the `pending` sample indexes.

    The rollout of sample `i` has the id `rollout_id(assignment.id, i)`, which is known before it is sampled. So a write
    that is repeated after a lost acknowledgement, or by a second owner after the lease expired, changes nothing.
    `policy_version` is the policy that an evaluation measures, None for training.
    """

    id: int
    problem: Problem
    purpose: Purpose
    sampling: Sampling
    pending: tuple[int, ...]
    policy_version: int | None = None


def rollout_id(assignment_id: int, sample_index: int) -> str:
    """The id of the rollout of one sample, known before it is sampled."""
    return f"{assignment_id}-{sample_index}"


@dataclass(frozen=True, slots=True)
class PolicyPointer:
    """A reference to a published policy: the folder to load, its version, and the checksum of its files if known.

    It travels in place of tensors.
    """

    version: int
    path: str
    checksum: str | None = None

    def to_state(self) -> dict[str, Any]:
        """The state dictionary that RLlib passes to env runners and learner groups, under RLlib's own keys."""
        module = {"path": self.path, "version": self.version, "checksum": self.checksum}
        return {"rl_module": module, "weights_seq_no": self.version}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "PolicyPointer":
        """The inverse of `to_state`."""
        pointer = state["rl_module"]
        return cls(version=int(pointer["version"]), path=pointer["path"], checksum=pointer.get("checksum"))


@dataclass(frozen=True, slots=True)
class Lease:
    """The answer to a request for work: the policy to load, None before the first, and what was leased."""

    policy: PolicyPointer | None
    assignments: tuple[Assignment, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A published checkpoint. `version` is an integer that is never used twice.

    `config` is the configuration of the training run that produced it; `checksum` is that of the files at `path`.
    `iteration` is the one that trained it, 0 for the base and the warm start. `decision` is None until its promotion is
    decided; `assessment` is then what the decision rests on (`cluster.loop.promotion.Assessment`), None for policies of
    earlier versions. `is_pruned`: its folder was removed.
    """

    version: int
    parent: int | None
    path: str
    training_set_id: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    promoted: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    checksum: str | None = None
    iteration: int | None = None
    decision: Decision | None = None
    assessment: Mapping[str, Any] | None = None
    is_pruned: bool = False

    @property
    def pointer(self) -> PolicyPointer:
        """The reference by which samplers and the learner load this policy."""
        return PolicyPointer(self.version, self.path, self.checksum)
