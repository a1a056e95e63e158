"""`automathes report`: write the report of a run, or serve it as live pages until Ctrl-C."""

import argparse
from pathlib import Path

from cluster.config.listening import connect_host, free_port
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.config.token import required_token
from cluster.console.output import print_line
from cluster.report.collecting import collect
from eval.report import render


def report(arguments: argparse.Namespace) -> int:
    """Write the report of a run to `--output`, or to report.html in the run's folder, and print the path; or serve it.

    Raises:
        ConfigError: there is no such run, the file cannot be written, the port is in use, the host is not an address of
            this machine, or there is no safe token for other machines.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    if arguments.serve:
        return _serve(arguments, folder)
    config = folder.read_config()
    with folder.open_store(config) as store:
        page = render(collect(store, folder, config))
    path = arguments.output or folder.path / "report.html"
    _write(path, page)
    print_line(f"report written to {path}")
    return 0


def _write(path: Path, page: str) -> None:
    try:
        aside = path.with_name(f".{path.name}.tmp")
        aside.write_text(page, encoding="utf-8", errors="replace")
        aside.replace(path)
    except OSError as error:
        raise ConfigError(f"the report cannot be written to {path}: {error.strerror or error}") from None


def _serve(arguments: argparse.Namespace, folder: RunFolder) -> int:
    from cluster.report.app import make_app
    from cluster.report.server import serve

    token = required_token(arguments.host, arguments.token_file)
    port = free_port(arguments.host, arguments.port)
    url = f"http://{connect_host(arguments.host)}:{port}"
    with make_app(folder, folder.read_config(), token, arguments.host) as app:
        serve(app, arguments.host, port, lambda: print_line(f"{folder.path.name} is at {url} (Ctrl-C stops it)"))
    return 0
