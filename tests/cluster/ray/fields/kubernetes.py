"""A strict check of Kubernetes' own objects against the models that lightkube generates from its API."""

from typing import Any, get_args, get_origin

import msgspec
from lightkube.models import apps_v1, core_v1

KINDS = {
    ("v1", "PersistentVolumeClaim"): core_v1.PersistentVolumeClaim,
    ("v1", "Service"): core_v1.Service,
    ("apps/v1", "StatefulSet"): apps_v1.StatefulSet,
}


def check(value: Any, model: Any, path: str = "$") -> None:
    """Raise `ValueError` with the path of what Kubernetes' API server would refuse or drop."""
    try:
        msgspec.convert(value, model, strict=True)  # types and required fields; it passes unknown ones over
    except msgspec.ValidationError as error:
        raise ValueError(f"{path}: {error}") from None
    _refuse_unknown(value, model, path)


def _refuse_unknown(value: Any, model: Any, path: str) -> None:
    if get_origin(model) is not list and get_args(model):  # Optional
        model = get_args(model)[0]
    if isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_unknown(item, get_args(model)[0] if get_args(model) else Any, f"{path}[{index}]")
    elif isinstance(value, dict) and isinstance(model, type) and issubclass(model, msgspec.Struct):
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(model)}
        for name, item in value.items():
            if name not in fields:
                raise ValueError(f"{path}: {model.__name__} has no field {name!r}")
            _refuse_unknown(item, fields[name], f"{path}.{name}")
