"""The network interface through which ranks on several hosts reach each other."""

import os
import socket

import psutil


def use_interface_of(address: str) -> None:
    """Have Gloo and NCCL use the interface with this host's address, unless the environment names one.

    Left to itself, Gloo takes the interface that the host's name stands for: on Debian the loopback, which no other
    host reaches. NCCL takes the first that it finds, which may be that of containers.
    """
    name = interface_of(address)
    if name is not None:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
        os.environ.setdefault("NCCL_SOCKET_IFNAME", f"={name}")  # without "=" it would be a prefix


def interface_of(address: str) -> str | None:
    """The name of this host's interface that has an IPv4 or IPv6 address, None if there is none."""
    families = (socket.AF_INET, socket.AF_INET6)
    for name, entries in psutil.net_if_addrs().items():
        if any(entry.family in families and entry.address.partition("%")[0] == address for entry in entries):
            return name
    return None
