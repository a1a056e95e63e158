"""`automathes api`: watch and control the runs of a folder over HTTP, until Ctrl-C."""

import argparse

from cluster.config.listening import connect_host, free_port
from cluster.console.output import print_line


def api(arguments: argparse.Namespace) -> int:
    """Serve the API until SIGINT or SIGTERM. Port 0 picks a free port.

    Raises:
        ConfigError: the port is in use, the host is not an address of this machine, or there is no safe token.
    """
    import uvicorn

    from cluster.config.token import find_token
    from cluster.remote.api import make_app

    token, shown_as = find_token(arguments.runs, arguments.token_file)
    port = free_port(arguments.host, arguments.port)
    url = f"http://{connect_host(arguments.host)}:{port}"
    print_line(f"runs in {arguments.runs} are controlled at {url} (Ctrl-C stops it). Try it:")
    print_line(f'curl -X POST {url}/runs/latest/pause -H "Authorization: Bearer {shown_as}"')
    app = make_app(arguments.runs, token)
    uvicorn.run(app, host=arguments.host, port=port, log_level="warning", access_log=False)
    return 0
