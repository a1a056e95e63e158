"""`automathes status`: show the status of a run, on a screen or as JSON."""

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict

from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json
from cluster.loop.run_status import Status, read_status

_REFRESH_S = 2.0


def status(arguments: argparse.Namespace) -> int:
    """Show the status of a run, once or (`--watch`) repeatedly until Ctrl-C. As JSON, `--watch` prints one line each.

    Raises:
        ConfigError: there is no such run.
        StoreError: its store cannot be read.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    with folder.open_store(config) as store:

        def read() -> Status:
            return read_status(store, folder, config)

        if arguments.json and arguments.watch:
            _stream(read)
        elif arguments.json:
            print_json(asdict(read()), indent=2)
        else:
            from cluster.console.status_screen import show

            show(read, refresh_s=_REFRESH_S if arguments.watch else None)
    return 0


def _stream(read: Callable[[], Status]) -> None:
    """Print one JSON object per line until Ctrl-C."""
    try:
        while True:
            print_json(asdict(read()))
            time.sleep(_REFRESH_S)
    except KeyboardInterrupt:
        pass  # the way to end it
