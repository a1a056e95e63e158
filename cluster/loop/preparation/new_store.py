"""The store of a new run: what it may hold before the run starts, and what it holds again if the run cannot start."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from cluster.config.run_config import ConfigError, RunConfig
from store.errors import StoreError
from store.store import Store


def require_unused_store(config: RunConfig) -> None:
    """Refuse a database that holds another run, or the remains of one that was killed while it started.

    The new run would continue it and mix up the two. A run without problem sources takes the problems that are there,
    and nothing else: what a start that was killed left beside them is cleared.

    Raises:
        ConfigError: the database is not empty, or there are no problems.
    """
    if config.store.url is None:
        _require_source(config, "no store.url")
        return
    with Store.open(config.store.url) as store:
        if store.is_empty():
            _require_source(config, f"{store.masked_url} is empty")
            return
        latest, url = store.policies.latest(), store.masked_url
        if latest is not None:
            raise ConfigError(
                f"store.url: {url} holds a run already, whose last policy is {latest.path}: continue that run "
                "(--resume --run FOLDER), or name another database for this one"
            )
        if config.problems:
            raise ConfigError(
                f"store.url: {url} holds {sum(store.problems.counts().values())} problems and no policy: if they were "
                "imported for this run, add --set 'problems=[]'; if they are the remains of a run that was killed "
                "while it started, drop and recreate that database; or name another one"
            )
        store.clear(keep_problems=True)


def _require_source(config: RunConfig, why: str) -> None:
    if not config.problems:
        raise ConfigError(
            f"problems: there is no source, and {why}: name a source ([[problems]]), or the store that `automathes "
            "problems import --store URL` filled (store.url)"
        )


@contextmanager
def cleared_on_error(store: Store, *, keep_problems: bool) -> Iterator[None]:
    """Clear the store if preparation fails: a new attempt with other problems must not find the old ones.

    Problems that were imported before the run are kept.
    """
    try:
        yield
    except BaseException:
        with suppress(StoreError):  # report the first error
            store.clear(keep_problems=keep_problems)
        raise
