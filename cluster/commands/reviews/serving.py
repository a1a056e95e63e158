"""`automathes review --serve`: serve the pages of reviewing until Ctrl-C."""

import argparse

from cluster.config.listening import connect_host, free_port, is_loopback
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.config.token import TOKEN_VARIABLE, given_token
from cluster.console.output import print_line
from cluster.review.identity import Admission, clean_name, read_reviewers
from store.reviews.settings import ReviewSettings


def serve_reviews(arguments: argparse.Namespace) -> int:
    """Serve the pages, and apply what is decided.

    Raises:
        ConfigError: there is no such run, the options contradict each other, the port is in use, the host is not an
            address of this machine, or reviewers on other machines would need no token.
    """
    from cluster.report.server import serve
    from cluster.review.app import make_app

    _check(arguments)
    folder = find_run_folder(arguments.runs, arguments.run)
    admission = _admission(arguments)
    port = free_port(arguments.host, arguments.port)
    url = f"http://{connect_host(arguments.host)}:{port}"
    settings = ReviewSettings() if arguments.checks is None else ReviewSettings(check_share=arguments.checks)
    with make_app(folder, folder.read_config(), admission, arguments.host, settings) as app:
        message = f"the reviews of {folder.path.name} are at {url} (Ctrl-C stops it)"
        serve(app, arguments.host, port, lambda: print_line(message))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.ids or arguments.accept or arguments.reject or arguments.list or arguments.status:
        raise ConfigError("--serve shows all queues: omit the numbers, --accept, --reject, --list and --status")


def _admission(arguments: argparse.Namespace) -> Admission:
    """What reviewers must show.

    Raises:
        ConfigError: nothing, although other machines could connect; or two things that exclude each other.
    """
    token = given_token(arguments.token_file)
    reviewers = None if arguments.reviewers is None else read_reviewers(arguments.reviewers)
    name = None if arguments.name is None else clean_name(arguments.name)
    if arguments.name is not None and name is None:
        raise ConfigError(f"--as {arguments.name!r}: a name has up to 64 printable characters")
    if name is not None and not is_loopback(arguments.host):
        raise ConfigError(f"--as {name}: on --host {arguments.host} others would decide under this name: omit it")
    if reviewers is not None:
        if name is not None or arguments.token_file is not None:
            raise ConfigError("--reviewers gives each reviewer a token: omit --as and --token-file")
        return Admission(reviewers=reviewers)
    if name is not None:
        return Admission(default_name=name)
    if token is None and not is_loopback(arguments.host):
        raise ConfigError(
            f"--host {arguments.host}: reviewers on other machines must show a token: name a file with the reviewers"
            f" (--reviewers), or one with a token for all (--token-file), or set {TOKEN_VARIABLE}"
        )
    return Admission(token=token)
