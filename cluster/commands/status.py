"""`automathes status`: shows where a run stands, on a screen or as JSON."""

import json
import time
from dataclasses import asdict
from pathlib import Path

from cluster.config.run_folder import find_run_folder
from cluster.loop.run_status import read_status
from store.store import Store

_REFRESH_S = 2.0


def show_status(runs: Path, run: Path | None, *, as_json: bool, watch: bool) -> int:
    """Prints where a run stands, for people or as JSON; with `watch` again and again until Ctrl-C, an object a line.

    Raises:
        ConfigError: there is no such run.
        StoreError: its store cannot be read.
    """
    folder = find_run_folder(runs, run)
    config = folder.read_config()
    with Store.open(folder.store_url(config), create=False) as store:
        if not as_json:
            from cluster.console.status_screen import show

            show(lambda: read_status(store, folder, config), refresh_s=_REFRESH_S if watch else None)
            return 0
        if not watch:
            print(json.dumps(asdict(read_status(store, folder, config)), indent=2))  # noqa: T201
            return 0
        try:
            while True:
                print(json.dumps(asdict(read_status(store, folder, config))), flush=True)  # noqa: T201
                time.sleep(_REFRESH_S)
        except KeyboardInterrupt:
            return 0  # the way to end it
