"""What all parsers of commands use: the options of a run and of its configuration, and the types of arguments."""

import argparse
from pathlib import Path

type Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_command(commands: Commands, name: str, handler: str, text: str, example: str) -> argparse.ArgumentParser:
    """The parser of a command, with its help, its example, and the function that runs it."""
    parser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(handler=f"cluster.commands.{handler}")
    return parser


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options that choose a run."""
    parser.add_argument("--run", type=Path, metavar="FOLDER", help="folder of the run (default: the latest run)")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="folder of all runs (default: runs)"
    )


def add_config_options(parser: argparse.ArgumentParser, presets: str = "demo, smollm2 or 7b") -> None:
    """The options that make a configuration; `presets` is the help of the first."""
    parser.add_argument("--preset", metavar="NAME", help=presets)
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file, on top of the preset that it names")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="set one key (a.b=c); repeatable",
    )


def add_listening(parser: argparse._ActionsContainer, port: int) -> None:
    """The options of a server that asks for a token where other machines could connect."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--port", type=count, default=port, help=f"port to listen on (default: {port}; 0: any free port)")
    add("--token-file", type=Path, metavar="FILE", help="default: $AUTOMATHES_TOKEN; beyond this machine one is needed")


def count(text: str) -> int:
    """An argument that is an integer of 0 or more."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of 0 or more")
    return int(text)
