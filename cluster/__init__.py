"""The command line, the training loop, serving, and the configuration that wires the other packages together.

Begin with `loop/algorithm.py`. Imports point down: `cli` > `commands` > `console | serving | ray` > `loop` > `config`.
"""
