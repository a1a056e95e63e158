"""A run of an earlier version as text: everything of it that tests need, but for the weights.

    python tests/old_runs/old_run.py RUN_FOLDER tests/old_runs/NAME

records a finished run. Weights are not recorded: `restore` makes those of the base again, from a seed, and gives them
to every policy and to the checkpoint, with Adam moments of a constant value. The rest is as the earlier version wrote
it: the database, the configuration, and the layout and the numbers of the checkpoint.
"""

import json
import pickle
import pickletools
import shutil
import sqlite3
import sys
from collections import OrderedDict
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from learner.publication import publication

RUN = "{run}"  # stands for the run's folder
TEXTS = ("tokenizer.json", "tokenizer_config.json", "config.json", "generation_config.json", "policy.json")
STATE = Path("deepspeed/state/mp_rank_00_model_states.pt")
CLASSES = "class_and_ctor_args.pkl"
MOMENT = 1e-6
TENSOR = "tensor"  # an object with this key alone is a tensor: its shape, or the value of a scalar


def record(run: Path, fixture: Path) -> None:
    """Write the parts of a run to a new folder, as text."""
    fixture.mkdir(parents=True)
    shutil.copy(run / "config.toml", fixture)
    with closing(sqlite3.connect(run / "store.db")) as database:
        (fixture / "store.sql").write_text("\n".join(database.iterdump()) + "\n")
    policies = {folder.name: _texts(folder) for folder in sorted((run / "policies").iterdir())}
    _write_json(fixture / "policies.json", policies)
    for checkpoint in (run / "checkpoints").glob("iteration-*"):
        _write_json(fixture / "checkpoint.json", {"name": checkpoint.name} | _checkpoint(checkpoint))


def restore(fixture: Path, run: Path) -> None:
    """Make the run again in a new folder."""
    run.mkdir(parents=True)
    shutil.copy(fixture / "config.toml", run)
    with closing(sqlite3.connect(run / "store.db")) as database:
        database.executescript((fixture / "store.sql").read_text())
    policies = json.loads((fixture / "policies.json").read_text())
    for name, texts in policies.items():
        with publication(run / "policies" / name) as folder:
            _make_weights(texts["config.json"], folder)
            _restore_texts(texts, folder)
    _restore_checkpoint(json.loads((fixture / "checkpoint.json").read_text()), run)


def optimizer_steps(run: Path) -> int:
    """How many steps Adam has behind it in the run's checkpoint: the Algorithm's, later that of the last training."""
    found = [run.glob(f"checkpoints/{place}/{STATE}") for place in ("*/learner_group/state-*", "training-*/step-*")]
    (file,) = [file for files in found for file in files]
    (steps,) = {int(state["step"]) for state in torch.load(file)["optimizer"]["state"].values()}
    return steps


def _make_weights(config: dict[str, Any], folder: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(LlamaConfig(**config)).save_pretrained(folder)


def _texts(folder: Path) -> dict[str, Any]:
    return {name: json.loads((folder / name).read_text()) for name in TEXTS if (folder / name).exists()}


def _restore_texts(texts: dict[str, Any], folder: Path) -> None:
    for name, content in texts.items():
        (folder / name).write_text(json.dumps(content))


# ---------------------------------------------------------------- checkpoints


def _checkpoint(checkpoint: Path) -> dict[str, Any]:
    """RLlib's files, of pickles what they hold or the classes that they name, and DeepSpeed's state without tensors."""
    files: dict[str, Any] = {}
    for path in sorted(checkpoint.rglob("*")):
        name = path.relative_to(checkpoint).as_posix()
        if path.is_dir() or name.startswith("learner_group/state-"):
            continue
        if path.suffix == ".json":
            files[name] = json.loads(path.read_text())
        elif path.name == CLASSES:
            files[name] = _classes(path)
        else:
            files[name] = pickle.loads(path.read_bytes())
    pointer = files["learner_group/learner_group.json"]
    pointer["path"] = f"{RUN}/policies/{Path(pointer['path']).name}"
    state = next((checkpoint / "learner_group").glob("state-*"), None)
    if state is None:  # later versions keep a pointer alone
        return {"files": files, "state": None}
    deepspeed = _without_tensors(torch.load(state / STATE))
    return {"files": files, "state": {"name": state.name, "texts": _texts(state), "deepspeed": deepspeed}}


def _restore_checkpoint(recorded: dict[str, Any], run: Path) -> None:
    checkpoint = run / "checkpoints" / recorded["name"]
    for name, content in recorded["files"].items():
        path = checkpoint / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".json":
            path.write_text(json.dumps(content).replace(RUN, str(run)))
        elif path.name == CLASSES:  # names a class by the module of that time, and cannot be loaded where it has moved
            path.write_bytes(f"c{content[0]}\n.".replace(":", "\n").encode())
        else:
            path.write_bytes(pickle.dumps(content))
    state = recorded["state"]
    if state is None:
        return
    with publication(checkpoint / "learner_group" / state["name"]) as folder:
        _restore_texts(state["texts"], folder)
        (folder / STATE).parent.mkdir(parents=True)
        (folder / "deepspeed/latest").write_text("state")
        deepspeed = _with_tensors(state["deepspeed"])
        policy = json.loads((checkpoint / "learner_group/learner_group.json").read_text())["path"]
        weights = AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float32).state_dict()
        deepspeed["module"] = OrderedDict((name, weights[name]) for name in deepspeed["module"])
        torch.save(deepspeed, folder / STATE)


def _classes(path: Path) -> list[str]:
    """The classes that a pickle names, as `module:class`, found without loading it."""
    names, found = [], []
    for operation, argument, _ in pickletools.genops(path.read_bytes()):
        if isinstance(argument, str):
            names.append(argument)
        if operation.name == "STACK_GLOBAL":
            found.append(":".join(names[-2:]))
    return found[:1]


def _without_tensors(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return {TENSOR: list(value.shape) or value.item()}
    if isinstance(value, dict):
        return {str(key): _without_tensors(item) for key, item in value.items()}
    return [_without_tensors(item) for item in value] if isinstance(value, list | tuple) else value


def _with_tensors(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_tensors(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {TENSOR}:
        shape = value[TENSOR]
        return torch.full(shape, MOMENT) if isinstance(shape, list) else torch.tensor(shape)
    return {int(key) if key.isdigit() else key: _with_tensors(item) for key, item in value.items()}


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    record(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
