from collections.abc import Callable, Iterator

import pytest

from cluster.config.tracking import TrackingSettings

from ..played.run import PlayedRun, Settings

SETTINGS = Settings(
    lead=1,
    quorum=None,
    target=2,
    problems=3,
    rule="uniform",
    measures_base=True,
    heldout=3,
    budget=5,
    promotion="always",
    has_warm_start=True,
    mode="self_training",
    swap_wait_s=0.0,
)

type MakePlayed = Callable[..., PlayedRun]


@pytest.fixture
def make_played() -> Iterator[MakePlayed]:
    """A factory of runs that were not begun: the loop's own code on a real store, with Ray's actors played."""
    runs: list[PlayedRun] = []

    def make(*trackers: str) -> PlayedRun:
        run = PlayedRun(SETTINGS)
        runs.append(run)
        run.driver.kill()  # the next one has the trackers
        run.config = run.config.model_copy(update={"tracking": TrackingSettings(to=trackers)})
        return run

    yield make
    for run in runs:
        close_trackers(run)
        run.close()


def close_trackers(run: PlayedRun) -> None:
    """What a driver does when it ends."""
    if (tracking := getattr(run.driver._loop, "_tracking", None)) is not None:
        tracking.close()


@pytest.fixture(scope="module")
def finished() -> Iterator[PlayedRun]:
    """A run that is finished, without trackers."""
    run = PlayedRun(SETTINGS)
    run.finish()
    yield run
    run.close()
