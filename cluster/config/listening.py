"""Addresses that servers listen on: checked before anything is started, so that errors are short."""

import ipaddress
import socket

from cluster.config.run_config import ConfigError


def free_port(host: str, port: int, option: str = "--port") -> int:
    """Check that the port is free and return it, or a free one for 0. Errors name the option that chooses it."""
    if port > 65535:
        raise ConfigError(f"{option} {port}: the highest port is 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise ConfigError(f"--host {host}: no such host ({error.strerror})") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError:
            raise ConfigError(f"port {port} needs root: choose one above 1023 with {option}") from None
        except OSError as error:
            raise ConfigError(_bind_error(host, port, error, option)) from None
        return int(probe.getsockname()[1])


def _bind_error(host: str, port: int, error: OSError, option: str) -> str:
    import errno

    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"--host {host} is not an address of this machine: use 127.0.0.1 for local clients, 0.0.0.0 for the network"
        )
    return f"port {port} on {host} is in use: choose another with {option}, or {option} 0 for any free one"


def connect_host(host: str) -> str:
    """The host to connect to, for the host that the server listens on."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens on `host`."""
    addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)
