"""Wires the rooms together: configuration, the RLlib Algorithm, the command line, serving, `ray up` files."""
