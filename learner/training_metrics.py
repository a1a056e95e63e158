"""The metrics of a training phase, collected step by step."""

from dataclasses import asdict, dataclass, field

import torch
import torch.distributed as dist

from learner.batching import StepPlan, TrainingData
from learner.loss import SkipCounter
from learner.progress import StepFigures


@dataclass(frozen=True, slots=True)
class TrainingMetrics:
    """The metrics of one phase.

    Losses are nats per token that the policy wrote; `tokens` counts those tokens over all ranks, `all_tokens` the
    prompts and the interpreter's output too.
    """

    loss: float
    first_loss: float
    final_loss: float
    grad_norm: float
    learning_rate: float
    steps: int
    skipped_steps: int
    sequences: int
    tokens: int
    all_tokens: int
    too_long: int
    without_loss: int
    seconds: float
    tokens_per_s: float

    def as_dict(self) -> dict[str, float]:
        """The metrics by name."""
        return asdict(self)


@dataclass(slots=True)
class StepStats:
    """Statistics of a running phase: one entry per step that was taken, losses of this rank's share only."""

    loss_sums: list[torch.Tensor] = field(default_factory=list)
    loss_tokens: list[int] = field(default_factory=list)
    grad_norms: list[float] = field(default_factory=list)
    all_tokens: int = 0

    def add(self, plan: StepPlan, loss_sum: torch.Tensor, grad_norm: float) -> None:
        """Add a step; `loss_sum` is a scalar [nats] on the rank's device."""
        self.loss_sums.append(loss_sum)
        self.loss_tokens.append(plan.loss_tokens)
        self.grad_norms.append(grad_norm)
        self.all_tokens += plan.tokens

    def last_step(self, step: int, plan: StepPlan, *, taken: bool, learning_rate: float, seconds: float) -> StepFigures:
        """The figures of the `step`-th step, just made by `plan`; `taken` says whether it was added."""
        ranks = len(plan.ranks)
        loss = float(self.loss_sums[-1]) * ranks / plan.loss_tokens if taken else None
        norm = self.grad_norms[-1] if taken else None
        return StepFigures(step, loss, norm, learning_rate, plan.loss_tokens, plan.loss_tokens / ranks, seconds)

    def metrics(
        self, data: TrainingData, skipped: SkipCounter, *, learning_rate: float, seconds: float
    ) -> TrainingMetrics:
        """The metrics of the phase. Collective: the losses of all ranks are summed."""
        losses, total, tokens = [], 0.0, sum(self.loss_tokens)
        if self.loss_sums:
            sums = torch.stack(self.loss_sums)
            if dist.get_world_size() > 1:
                dist.all_reduce(sums)
            total = float(sums.sum())
            losses = [loss / count for loss, count in zip(sums.tolist(), self.loss_tokens, strict=True)]
        last_tenth = losses[-max(1, len(losses) // 10) :]
        return TrainingMetrics(
            loss=total / max(1, tokens),
            first_loss=losses[0] if losses else float("nan"),
            final_loss=sum(last_tenth) / len(last_tenth) if last_tenth else float("nan"),
            grad_norm=sum(self.grad_norms) / max(1, len(self.grad_norms)),
            learning_rate=learning_rate,
            steps=len(losses),
            skipped_steps=skipped.total,
            sequences=len(data.sequences),
            tokens=tokens,
            all_tokens=self.all_tokens,
            too_long=data.too_long,
            without_loss=data.without_loss,
            seconds=seconds,
            tokens_per_s=tokens / seconds,
        )
