"""Parsers of commands, without heavy imports, so that `--help` is instant. `common` has what all of them use."""
