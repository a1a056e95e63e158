"""The store of a new run: it may hold imported problems, which a start that fails leaves as they were."""

from pathlib import Path

import pytest

from cluster.config.loading import load_config
from cluster.config.run_config import ConfigError, RunConfig
from cluster.loop.preparation.new_store import cleared_on_error, require_unused_store
from cluster.loop.preparation.preparation import PreparationError, import_problems
from store.records import Problem, Split
from store.store import Store

NO_SOURCES = "problems=[]"


def config(*overrides: str) -> RunConfig:
    return load_config("demo", None, list(overrides))


@pytest.fixture
def filled(tmp_path: Path) -> str:
    """The URL of a store with a training problem and a held-out one."""
    url = f"sqlite:///{tmp_path}/problems.db"
    problems = [Problem(f"p{n}", f"{n} + 1?", str(n + 1), "test", split, f"k{n}") for n, split in enumerate(Split, 1)]
    with Store.open(url) as store:
        store.problems.add([problem for problem in problems if problem.split in (Split.TRAIN, Split.HELDOUT)])
    return url


def test_a_run_without_sources_takes_the_problems_of_its_store(filled: str) -> None:
    own = config(NO_SOURCES, f"store.url={filled}")

    require_unused_store(own)
    with Store.open(filled) as store:
        report, _ = import_problems(own, store)

        assert report.added == 0
        assert store.problems.counts() == {"train": 1, "heldout": 1, "excluded": 0}


def test_a_run_with_sources_is_told_of_the_problems_that_its_store_holds(filled: str) -> None:
    with pytest.raises(ConfigError, match=r"holds 2 problems and no policy.*--set 'problems=\[\]'"):
        require_unused_store(config(f"store.url={filled}"))


@pytest.mark.parametrize("url", [None, "sqlite:///{}/empty.db"])
def test_a_run_without_sources_needs_a_store_with_problems(tmp_path: Path, url: str | None) -> None:
    overrides = [f"store.url={url.format(tmp_path)}"] if url else []

    with pytest.raises(ConfigError, match=r"problems: there is no source, and .*problems import --store"):
        require_unused_store(config(NO_SOURCES, *overrides))


def start_in_vain(store: Store) -> None:
    with cleared_on_error(store, keep_problems=True):
        store.run.set_targets(iterations=7)
        raise PreparationError("the policy cannot be made")


def test_a_start_that_fails_leaves_the_imported_problems_and_nothing_else(filled: str) -> None:
    with Store.open(filled) as store:
        with pytest.raises(PreparationError):
            start_in_vain(store)

        assert store.problems.counts() == {"train": 1, "heldout": 1, "excluded": 0}
        assert store.run.state().target_iterations is None
