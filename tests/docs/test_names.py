"""Files, modules and configuration keys that the documentation names exist."""

import ast
import re
from functools import cache

import pytest
from pydantic import BaseModel

from cluster.config.loading import load_config

from .markdown import ROOT, Snippet, spans

PACKAGES = ("actors", "learner", "sandbox", "store", "eval", "cluster")
FOLDERS = (*PACKAGES, "tests", "docs", ".locks", ".make")
KINDS = ("py", "md", "cfg", "toml", "yaml")

_PATH = re.compile(r"[\w.-]+(/[\w.*-]+)*/?")
_DOTTED = re.compile(rf"({'|'.join(PACKAGES)})(\.\w+)+")


def paths() -> list[Snippet]:
    return [span for span in spans() if _PATH.fullmatch(span.text) and _is_path(span.text)]


def _is_path(text: str) -> bool:
    folder, slash, _ = text.partition("/")
    return (bool(slash) and folder in FOLDERS) or text.rpartition(".")[2] in KINDS


def dotted() -> list[Snippet]:
    return [span for span in spans() if _DOTTED.fullmatch(span.text) and not _is_path(span.text)]


@cache
def tracked() -> list[str]:
    """Every file of the project below the folders of code and documentation."""
    top = [path for path in ROOT.iterdir() if path.is_file()]
    below = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [path.relative_to(ROOT).as_posix() for path in top + below]


@pytest.mark.parametrize("path", paths(), ids=lambda path: f"{path}-{path.text}")
def test_paths_exist(path: Snippet) -> None:
    if path.text.startswith(("runs/", "build/")) or path.text in MADE_BY_USERS:
        return
    found = any(ROOT.glob(path.text)) or any(name.endswith(f"/{path.text}") for name in tracked())
    assert found, f"{path}: {path.text} does not exist"


MADE_BY_USERS = ("mine.toml", "config.toml", "axolotl.yaml")


@pytest.mark.parametrize("name", dotted(), ids=lambda name: f"{name}-{name.text}")
def test_modules_and_keys_exist(name: Snippet) -> None:
    assert _is_defined(name.text) or _is_key(name.text), f"{name}: {name.text} does not exist"


def _is_defined(text: str) -> bool:
    """Whether it is a module, a name in a module, or a member of a class in a module."""
    parts = text.split(".")
    for length in range(len(parts), 0, -1):
        module = ROOT.joinpath(*parts[:length])
        file = module.with_suffix(".py") if module.with_suffix(".py").is_file() else module / "__init__.py"
        if file.is_file():
            return _defines(ast.parse(file.read_text()).body, parts[length:])
    return False


def _defines(body: list[ast.stmt], names: list[str]) -> bool:
    if not names:
        return True
    for statement in body:
        if names[0] in _names(statement):
            return _defines(getattr(statement, "body", []), names[1:])
    return False


def _names(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {statement.name}
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


@cache
def presets() -> list[BaseModel]:
    return [load_config(file.stem, None, []) for file in (ROOT / "cluster/config/presets").glob("*.toml")]


def _is_key(text: str) -> bool:
    return any(_has(preset, text.split(".")) for preset in presets())


def _has(settings: object, parts: list[str]) -> bool:
    if not parts:
        return True
    return parts[0] in getattr(type(settings), "model_fields", {}) and _has(getattr(settings, parts[0]), parts[1:])


def test_the_documentation_names_files_and_modules() -> None:
    assert len(paths()) > 50
    assert dotted()
