"""What a report on a value model shows."""

from dataclasses import dataclass

from eval.values.assessment import Assessment
from eval.values.discrimination import Auc


@dataclass(frozen=True, slots=True)
class Control:
    """A value model that was trained on shuffled outcomes, and its AUC on the same attempts."""

    version: int
    auc: Auc


@dataclass(frozen=True, slots=True)
class ValueReport:
    """The assessment of a value model on the attempts of a policy at held-out problems, with its control, if any."""

    run: str
    model_version: int
    model_policy: int
    policy_version: int
    evaluation: int
    samples: int
    temperature: float
    assessment: Assessment
    control: Control | None = None
