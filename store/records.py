"""The records that cross a process boundary, apart from the database rows that keep them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Split(StrEnum):
    """Which side of the held-out line a problem stands on. Only those of `train` are trained on.

    A training problem becomes `excluded` when a held-out problem is imported that it nearly equals.
    """

    TRAIN = "train"
    HELDOUT = "heldout"
    EXCLUDED = "excluded"


class Purpose(StrEnum):
    """Why a rollout was made. Only `train` and `demonstration` rollouts may be selected for training."""

    TRAIN = "train"
    EVAL = "eval"
    DEMONSTRATION = "demonstration"


class Outcome(StrEnum):
    """What became of a rollout. `fault` is a failure of ours and is never held against the policy."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    UNVERIFIABLE = "unverifiable"
    TRUNCATED = "truncated"
    FAULT = "fault"


class Pool(StrEnum):
    """The rollouts of a problem that may be trained on, each solution once: right ones, other ones, a teacher's."""

    SOLUTION = "solution"
    MISTAKE = "mistake"
    DEMONSTRATION = "demonstration"


class ReviewStatus(StrEnum):
    """What became of a proposed correction."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


class SegmentKind(StrEnum):
    """The parts of a solution: prose, a code block, what the interpreter answered, the final answer."""

    TEXT = "text"
    CODE = "code"
    OUTPUT = "output"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its reference answer.

    `split_key` decides the split and tells duplicates: problems with the same key are the same problem (for generated
    arithmetic the task and its sorted operands, so that 3*7 and 7*3 fall on one side; else the normalised question).
    Where several answers are accepted, each is a line of `answer`.
    """

    id: str
    question: str
    answer: str
    source: str
    split: Split
    split_key: str
    subject: str | None = None
    level: str | None = None

    @property
    def accepted_answers(self) -> tuple[str, ...]:
        """The answers of which any is right."""
        return accepted_answers(self.answer)


def accepted_answers(label: str) -> tuple[str, ...]:
    """The answers that a label accepts."""
    return tuple(line.strip() for line in label.split("\n") if line.strip())


def is_text(text: str) -> bool:
    """Whether databases and tokenizers take it: it holds neither NUL nor half a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def label_of(answers: Iterable[str]) -> str:
    """The label that accepts these answers, in which line breaks of their own are spaces."""
    return "\n".join(" ".join(answer.split()) for answer in answers)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the problems of an import: of `read` ones, `train` and `heldout` are new.

    `known` were in the store already, or came twice; `left_out` equal or nearly equal a held-out problem. `skipped` are
    the rows that are no problems, each with its place and the reason.

    `withdrawn` were stored before to train on and are trained on no more, because a new held-out problem is the same
    (then it is held out itself) or nearly so (then it is excluded). From `learned` of them some policy has learned.
    """

    read: int
    train: int
    heldout: int
    known: int
    left_out: int
    skipped: tuple[str, ...] = ()
    withdrawn: int = 0
    learned: int = 0

    @property
    def added(self) -> int:
        """The new ones of both sides."""
        return self.train + self.heldout


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A problem that is not trained on, because it is like a held-out one. `similarity` 1: the same words."""

    question: str
    answer: str
    source: str
    heldout_id: str
    similarity: float


@dataclass(frozen=True, slots=True)
class LabelChange:
    """One entry of a problem's label history. `review_id` is the proposal that it came from, if from one."""

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
    """What the sandbox said of one code block. `status` is one of `sandbox.execution.Status`."""

    status: str
    source: str
    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Rollout:
    """One attempt at a problem, exactly as the policy saw it.

    `token_ids` is everything after the prompt, interpreter output included; `model_mask` has one flag a token: did the
    policy write it? The loss is taken on those alone. `seed` is what it was sampled with, where the engine was given
    one; its temperature and top_p are its assignment's.
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


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the attempts of an assignment are sampled. `temperature` 0 is greedy; `seed` is of one attempt alone."""

    temperature: float = 0.8
    top_p: float = 1.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """A leased piece of work: attempt `problem` at each of the sample indexes that are still `pending`.

    The id of the rollout for sample `i` is `rollout_id(assignment.id, i)`, known before it is sampled, so that a write
    repeated after a lost acknowledgement, or by a second owner after an expired lease, changes nothing.
    """

    id: int
    problem: Problem
    purpose: Purpose
    sampling: Sampling
    pending: tuple[int, ...]


def rollout_id(assignment_id: int, sample_index: int) -> str:
    """The id of one attempt, fixed before it is made."""
    return f"{assignment_id}-{sample_index}"


@dataclass(frozen=True, slots=True)
class PolicyPointer:
    """A reference to a published policy: the folder to load and its version. It travels in place of tensors."""

    version: int
    path: str

    def to_state(self) -> dict[str, Any]:
        """The state dictionary that RLlib passes to env runners and learner groups, under RLlib's own keys."""
        return {"rl_module": {"path": self.path, "version": self.version}, "weights_seq_no": self.version}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "PolicyPointer":
        """The inverse of `to_state`."""
        pointer = state["rl_module"]
        return cls(version=int(pointer["version"]), path=pointer["path"])


@dataclass(frozen=True, slots=True)
class Policy:
    """A published checkpoint. `version` is an integer that is never used twice.

    `config` is that of the training run that made it; `checksum` is of what stands at `path`.
    """

    version: int
    parent: int | None
    path: str
    training_set_id: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    promoted: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    checksum: str | None = None

    @property
    def pointer(self) -> PolicyPointer:
        """The reference that samplers and the learner load this policy by."""
        return PolicyPointer(self.version, self.path)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One figure of one policy on one benchmark, e.g. metric `pass@1`, value 0.62 over `n` problems."""

    policy_version: int
    benchmark: str
    metric: str
    value: float
    n: int
