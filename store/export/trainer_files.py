"""Files that tell a trainer where the data is: LLaMA-Factory's `dataset_info.json`, a part of axolotl's YAML."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from store.export.settings import ExportLayout, ExportSettings


def trainer_files(settings: ExportSettings, target: Path) -> dict[str, str]:
    """The text by file name, for an export that will be at `target`."""
    if settings.layout is None or settings.layout not in _FILES:
        return {}
    name, write = _FILES[settings.layout]
    return {name: write(target)}


def _dataset_info(target: Path, *, ranking: bool) -> str:
    replies = {"chosen": "chosen", "rejected": "rejected"} if ranking else {}
    entry: dict[str, Any] = {
        "file_name": "data",  # a folder, whose files are all read
        "formatting": "sharegpt",
        **({"ranking": True} if ranking else {}),
        "columns": {"messages": "messages", **replies},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    }
    return json.dumps({target.name: entry}, indent=2) + "\n"


def _axolotl_chat(target: Path) -> str:
    return f"""datasets:
  - path: {json.dumps(str(target))}
    split: train
    type: chat_template
    field_messages: messages
    message_property_mappings:
      role: role
      content: content
    message_field_training_detail: train_detail
"""


def _axolotl_pairs(target: Path) -> str:
    return f"""rl: dpo
datasets:
  - path: {json.dumps(str(target))}
    split: train
    type: chat_template.default
    field_messages: prompt
    field_chosen: chosen
    field_rejected: rejected
    message_property_mappings:
      role: role
      content: content
"""


_FILES: Mapping[ExportLayout, tuple[str, Callable[[Path], str]]] = {
    "axolotl": ("axolotl.yaml", _axolotl_chat),
    "axolotl-pairs": ("axolotl.yaml", _axolotl_pairs),
    "llama-factory": ("dataset_info.json", lambda target: _dataset_info(target, ranking=False)),
    "llama-factory-pairs": ("dataset_info.json", lambda target: _dataset_info(target, ranking=True)),
}
