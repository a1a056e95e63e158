"""From rollouts to the samples of a value model: their outcomes, the validation problems, the control."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from learner.batching import NoTrainingSamplesError, TokenSequence, TrainingData, sequence_of
from learner.value.settings import CONTROL_HEADS, ValueSettings
from store.outcomes import COUNTED
from store.records import Outcome, Rollout

_HASH_VALUES = 1 << 32


@dataclass(frozen=True, slots=True)
class ValueSequence(TokenSequence):
    """A solution: the values after each token where `mask` is True are trained towards `outcomes`, each 0 or 1.

    A value model has one head and one outcome, a control several of both.

    `speaks`, of the same length, says where the language loss is taken, if there is one: on the policy's tokens of a
    right solution, whatever the control makes of its outcome.
    """

    outcomes: tuple[float, ...]
    speaks: np.ndarray[tuple[int], np.dtype[np.bool_]]


def outcome_of(rollout: Rollout) -> float | None:
    """1 if it was accepted, 0 if it was rejected; None without a verdict, which is never taken for a rejection."""
    if rollout.outcome not in COUNTED:
        return None
    return float(rollout.outcome is Outcome.ACCEPTED)


def is_validation(problem_id: str, share: float) -> bool:
    """Whether a problem is one of that share of problems which value models are measured with, not trained on."""
    digest = hashlib.sha256(f"value/{problem_id}".encode()).digest()
    return int.from_bytes(digest[:4], "big") < share * _HASH_VALUES


def value_data(rollouts: Iterable[Rollout], settings: ValueSettings, max_sequence_tokens: int) -> TrainingData:
    """The sequences to train on: of problems that are not for validation, with a verdict, and not too long.

    The same for every rank. Longer sequences, and those without a token with loss, are counted.

    Raises:
        NoTrainingSamplesError: no sequence is left, or all have the same outcome.
    """
    kept: list[ValueSequence] = []
    too_long = without_loss = 0
    for rollout in rollouts:
        outcome = outcome_of(rollout)
        if outcome is None or is_validation(rollout.problem_id, settings.validation_share):
            continue
        sequence = _sequence(rollout, outcome, settings)
        if len(sequence) > max_sequence_tokens:
            too_long += 1
        elif sequence.loss_tokens == 0:
            without_loss += 1
        else:
            kept.append(sequence)
    _require_both_outcomes(kept, too_long, max_sequence_tokens)
    return TrainingData(
        tuple(_shuffled(kept, settings.seed) if settings.shuffle_labels else kept), too_long, without_loss
    )


def _sequence(rollout: Rollout, outcome: float, settings: ValueSettings) -> ValueSequence:
    sequence = sequence_of(rollout)
    mask = sequence.mask
    if settings.interpreter_tokens:
        mask = np.arange(len(mask)) >= len(rollout.prompt_ids)
    return ValueSequence(sequence.ids, mask, (outcome,), sequence.mask & (outcome == 1))


def _require_both_outcomes(kept: list[ValueSequence], too_long: int, max_sequence_tokens: int) -> None:
    right = sum(sequence.outcomes == (1.0,) for sequence in kept)
    if not 0 < right < len(kept):
        raise NoTrainingSamplesError(
            f"a value model needs right and wrong solutions: {right} right and {len(kept) - right} wrong can be "
            f"trained on; {too_long} more exceed max_sequence_tokens = {max_sequence_tokens}"
        )


def _shuffled(sequences: list[ValueSequence], seed: int) -> list[ValueSequence]:
    """The sequences with their outcomes permuted for each head, so that as many are right and nothing can be learned.

    What one head makes of one permutation is some function of the text, which may well rank right solutions first. On
    average over permutations it does not.
    """
    outcomes = np.array([sequence.outcomes[0] for sequence in sequences])
    rng = np.random.default_rng((seed, 1))
    permuted = np.stack([rng.permutation(outcomes) for _ in range(CONTROL_HEADS)], axis=1)
    return [replace(one, outcomes=tuple(map(float, row))) for one, row in zip(sequences, permuted, strict=True)]
