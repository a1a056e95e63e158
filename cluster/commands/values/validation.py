"""How a value model does on the training problems that were kept for validation."""

from itertools import batched

from actors.scoring.published import Published, ValueFiles, published_scorer
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.console.progress_bar import progress_bar
from eval.values.calibration import calibration
from eval.values.discrimination import auc, auc_within_problems
from eval.values.table import score_table
from learner.value.samples import is_validation, outcome_of
from learner.value.settings import ValueSettings
from store.artifacts.location import Location
from store.records import ScoredAttempt, ValueModel
from store.store import Store

_BATCH = 256


def validate(
    store: Store, folder: RunFolder, config: RunConfig, settings: ValueSettings, model: ValueModel, place: Location
) -> dict[str, float]:
    """AUC, AUC within problems, and the mean squared error (Brier score) of the value model published at `place`.

    Over the solutions of its training set at validation problems. Figures that are not defined are left out; all are
    if there are no such problems.

    Raises:
        ScoringError: the value model cannot be loaded.
    """
    chosen = (
        rollout
        for rollout in store.training_sets.samples(model.training_set_id)
        if is_validation(rollout.problem_id, settings.validation_share) and outcome_of(rollout) is not None
    )
    attempts: dict[str, list[ScoredAttempt]] = {}
    files = ValueFiles(model.version, Published(place, None), folder.storage)
    with (
        progress_bar("scoring validation problems") as on_progress,
        published_scorer(files, "auto", config.sampler.engine) as scorer,
    ):
        for number, batch in enumerate(batched(chosen, _BATCH), start=1):
            first = (number - 1) * _BATCH
            scores = scorer.score(
                [rollout.prompt_ids + rollout.token_ids for rollout in batch], range(first, first + len(batch))
            )
            for rollout, score in zip(batch, scores, strict=True):
                scored = ScoredAttempt(
                    rollout.outcome, rollout.answer, score, len(rollout.token_ids), len(rollout.executions)
                )
                attempts.setdefault(rollout.problem_id, []).append(scored)
            on_progress(number * _BATCH, None)
    return _figures(attempts) if attempts else {}


def _figures(attempts: dict[str, list[ScoredAttempt]]) -> dict[str, float]:
    table = score_table(attempts)
    within = auc_within_problems(table)
    figures = {
        "validation_attempts": float(len(table)),
        "validation_auc": auc(table).value,
        "validation_auc_within_problems": None if within is None else within.value,
        "validation_brier": calibration(table).brier,
    }
    return {name: value for name, value in figures.items() if value is not None}
